// Learning: after "learn" the next widget that is touched is not moved, but gets the next knob that moves; or the next
// switch, by a single, a double or a long press, as it is chosen meanwhile.

import { make, onPress } from "./dom.js";
import { readName } from "./widgets.js";

const PRESSES = ["single", "double", "long"];

/**
 * Widgets for the rows whose argument is the name of a control, and what they do with the panel around them.
 *
 * @param {HTMLElement} panel that holds all widgets
 * @param {import("./link.js").Link} link
 * @param {HTMLElement} prompt where the performer reads what to do
 */
export function makeLearning(panel, link, prompt) {
  let mode = null; // the row, learn or unlearn, whose turn it is to be given a control
  let waiting = null; // the control that the session waits to hear a knob for
  let waitingPress = "single"; // of a switch, the press that it waits for
  let press = "single"; // the one that is chosen here
  const buttons = new Map();
  const presses = make("div", { class: "segments presses", role: "radiogroup", "aria-label": "press of a switch" });
  for (const value of PRESSES) {
    const radio = make("input", { type: "radio", name: "press", value, checked: value === press });
    radio.addEventListener("change", () => {
      press = value;
      turn(mode);
    });
    presses.append(make("label", { class: "segment" }, radio, make("span", {}, value)));
  }
  presses.hidden = true;

  function turn(row) {
    mode = row;
    const isLearning = mode?.name === "learn";
    const isPress = press !== "single";
    const what = isPress ? `a ${press} press of a switch` : "a knob or a switch";
    if (isLearning) prompt.textContent = `touch the control that ${what} is to set`;
    else if (mode) prompt.textContent = "touch the control whose knob is to go";
    else prompt.textContent = waiting ? waitingWords() : "";
    presses.hidden = !isLearning;
    panel.classList.toggle("is-learning", mode !== null);
    panel.classList.toggle("is-learning-press", isLearning && isPress);
    for (const [name, button] of buttons) button.setAttribute("aria-pressed", name === mode?.name);
  }

  function waitingWords() {
    if (waitingPress === "single") return `now move the knob that is to set ${readName(waiting)}`;
    return `now press the switch whose ${waitingPress} press is to set ${readName(waiting)}`;
  }

  function choose(name) {
    link.set(mode.name, mode.name === "learn" && press !== "single" ? `${name} ${press}` : name);
    presses.querySelector("input").checked = true;
    press = "single"; // the next one is most often that
    turn(null);
  }

  // A whole press is kept from the widget, down to the click that ends it.
  let isCaught = false;
  function catchPress(event) {
    const isKey = event.type === "keydown";
    if (isKey && !["Enter", " "].includes(event.key)) return;
    if (isKey || event.type === "pointerdown") isCaught = false;
    const name = event.target.closest("[data-control]")?.dataset.control;
    if (mode && name && !buttons.has(name)) {
      isCaught = true;
      choose(name);
    }
    if (!isCaught) return;
    event.preventDefault();
    event.stopPropagation();
  }
  for (const type of ["keydown", "pointerdown", "mousedown", "click"]) panel.addEventListener(type, catchPress, true);
  const giveUp = (event) => {
    if (event.key !== "Escape" || !mode) return;
    event.stopImmediatePropagation(); // this time it is no panic
    turn(null);
  };
  document.addEventListener("keydown", giveUp, true);

  return {
    presses, // to stand below the prompt

    // Show the control that waits for a knob, or null, and which press of a switch it waits for.
    showWaiting(name, press = "single") {
      if (name === waiting && press === waitingPress) return;
      [waiting, waitingPress] = [name, press];
      turn(mode);
    },

    // A button for a row whose argument is the name of a control.
    makeWidget(row) {
      const button = make("button", { type: "button", "aria-pressed": false, "aria-label": row.name }, row.name);
      const description = make("p", { class: "description" }, row.description);
      buttons.set(row.name, button);
      onPress(button, () => {
        const isOn = mode?.name !== row.name;
        if (!isOn && row.name === "learn") link.set(row.name, ""); // given up
        turn(isOn ? row : null);
      });
      const attributes = { class: "widget of-trigger", "data-control": row.name, title: row.description };
      return { element: make("div", attributes, button, description), show() {}, showKnob() {}, showRefusal() {} };
    },
  };
}
