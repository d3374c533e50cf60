// A level meter: fast up, slow down, with a line at the peak of the last seconds; moved by transforms alone.

import { make } from "./dom.js";

const FLOOR_DB = -48;
const RISE_MS = 40; // time constants; levels come ten times a second, and the meter moves between them
const FALL_MS = 220;
const PEAK_HOLD_MS = 1500;
const PEAK_FALL_MS = 400;
const TOO_LOUD = 0.99; // for a mix: a voice may be as loud as it can
const TOLD_MS = 1000; // to those who listen to the page

export class Meter {
  /**
   * @param {HTMLElement} root
   * @param {string} name shown: P1
   * @param {string} colour name of a custom property
   * @param {boolean} canClip whether it warns where it is too loud
   */
  constructor(root, name, colour, canClip = false) {
    this.canClip = canClip;
    this.fill = make("i");
    this.mark = make("b");
    const values = { "aria-valuemin": FLOOR_DB, "aria-valuemax": 0, "aria-valuenow": FLOOR_DB };
    this.track = make("div", { role: "meter", "aria-label": `Level of ${name}`, ...values }, this.fill, this.mark);
    this.element = make("div", { class: "meter" }, make("span", {}, name), this.track);
    this.element.style.setProperty("--colour", `var(--${colour})`);
    root.append(this.element);
    this.target = this.level = this.peak = 0;
    this.peakMs = this.toldMs = -Infinity;
    this.moved = "";
  }

  /** Take a level in, 0..1. */
  hear(level) {
    const db = level > 0 ? Math.max(20 * Math.log10(level), FLOOR_DB) : FLOOR_DB;
    this.target = Math.min(1 - db / FLOOR_DB, 1);
    this.db = db;
    this.element.classList.toggle("is-clipping", this.canClip && level >= TOO_LOUD);
  }

  /** Move on to a time of performance.now(). */
  move(ms, passedMs) {
    const time = this.target > this.level ? RISE_MS : FALL_MS;
    this.level = this.target + (this.level - this.target) * Math.exp(-passedMs / time);
    if (this.target >= this.peak) [this.peak, this.peakMs] = [this.target, ms];
    else if (ms - this.peakMs > PEAK_HOLD_MS) this.peak *= Math.exp(-passedMs / PEAK_FALL_MS);
    const moved = `${this.level.toFixed(3)} ${this.peak.toFixed(3)}`;
    if (moved === this.moved) return;
    this.moved = moved;
    this.fill.style.transform = `scaleX(${this.level.toFixed(3)})`;
    this.mark.style.transform = `translateX(${(100 * (this.peak - 1)).toFixed(1)}%)`;
    if (ms - this.toldMs < TOLD_MS) return;
    this.toldMs = ms;
    this.track.setAttribute("aria-valuenow", this.db.toFixed(0));
    this.track.setAttribute("aria-valuetext", `${this.db.toFixed(0)} decibels`);
  }
}
