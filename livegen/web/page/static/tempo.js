// The tempo, where it comes from, the place in the bar, and a lamp for each of its beats.

import { line, setText } from "./dom.js";
import { NONE } from "./words.js";

export class TempoGauge {
  /**
   * @param {HTMLElement} root
   * @param {import("./link.js").Link} link
   * @param {import("./score.js").Score} score
   */
  constructor(root, link, score) {
    this.link = link;
    this.score = score;
    const speed = line(root, "p", "speed");
    this.bpm = line(speed, "b", "", NONE);
    line(speed, "span", "unit", " BPM");
    const place = line(root, "p", "place");
    line(place, "span", "unseen", "bar and beat ");
    this.place = line(place, "span", "");
    this.source = line(root, "p", "source");
    this.lamps = line(root, "div", "lamps");
    this.lamps.setAttribute("aria-hidden", "true");
    this.tempo = null;
    this.beat = -1;
  }

  /** Take in what the gauges say of the tempo, or null. */
  hear(tempo) {
    this.tempo = tempo;
    setText(this.bpm, tempo ? tempo.bpm.toFixed(1) : NONE);
    const peers = tempo?.peers ? ` · ${tempo.peers} Link peer${tempo.peers === 1 ? "" : "s"}` : "";
    const source = !tempo ? "no beat" : tempo.is_lost ? `${tempo.source} lost` : tempo.source;
    setText(this.source, source + peers);
    this.source.title = source + peers;
    this.source.dataset.meaning = tempo?.is_lost ? "bad" : "";
  }

  /** Move on to a time of performance.now(). */
  move(ms) {
    const aBar = this.link.values.beats_a_bar ?? 4;
    const position = this.link.position(ms);
    let beats = position === null ? null : this.score.beatsAt(position);
    if (beats === null && this.tempo) beats = (this.tempo.bar - 1) * aBar + this.tempo.beat - 1;
    const beat = beats === null ? null : Math.floor(beats);
    if (beat === this.beat && this.lamps.childElementCount === aBar) return;
    this.beat = beat;
    while (this.lamps.childElementCount < aBar) this.lamps.append(document.createElement("i"));
    while (this.lamps.childElementCount > aBar) this.lamps.lastChild.remove();
    const inBar = beat === null ? -1 : ((beat % aBar) + aBar) % aBar;
    [...this.lamps.children].forEach((lamp, i) => lamp.classList.toggle("is-lit", i === inBar));
    setText(this.place, beat === null ? NONE : `${Math.floor(beat / aBar) + 1}.${inBar + 1}`);
  }
}
