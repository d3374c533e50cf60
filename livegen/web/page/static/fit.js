// Words as large as their place allows: a short name of a song is read from afar, and a long one is not cut off.

import { setText } from "./dom.js";

const SIZES_PX = [8, 200];
const SMALL = 1 / 12; // of the width: smaller words may be broken where they have no break,
const WORTH_A_BREAK = 1.5; // if they are so much larger then

export class Fitted {
  /** @param {HTMLElement} element whose size does not depend on what is in it */
  constructor(element) {
    this.element = element;
    this.words = element.appendChild(document.createElement("span"));
    this.words.style.display = "block";
    new ResizeObserver(() => this.fit()).observe(element);
  }

  show(text) {
    if (this.words.textContent === text) return;
    setText(this.words, text);
    this.fit();
  }

  fit() {
    const [broken, whole] = ["anywhere", "normal"].map((wrap) => this.search(wrap));
    const isSmall = whole < SMALL * this.element.clientWidth;
    if (isSmall && broken >= WORTH_A_BREAK * whole) this.search("anywhere");
  }

  // Take the largest size at which all words are within the element.
  search(wrap) {
    const { element, words } = this;
    words.style.overflowWrap = wrap;
    const fits = (px) => {
      words.style.fontSize = `${px}px`;
      return words.offsetHeight <= element.clientHeight && words.scrollWidth <= words.clientWidth;
    };
    let [low, high] = SIZES_PX;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (fits(middle)) low = middle;
      else high = middle - 1;
    }
    fits(low);
    return low;
  }
}
