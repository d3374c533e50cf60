// The waveforms of the voices, as the session tells them, each for the moment at which it is heard.

import { LOUDEST } from "./note.js";

const MOST = 64; // that wait: more than a second
const STALE_FRAMES = 6; // after a quarter of a second without a new one, nothing is known

/**
 * @typedef {object} Wave what a voice puts out
 * @property {number[]} levels of the steps of its sequence, from 0 to 1 and times its gain; none where it is silent
 * @property {number} stepMs how long each lasts
 * @property {number} peak the highest
 */

export class Waves {
  /** @param {import("./link.js").Link} link */
  constructor(link) {
    this.waiting = []; // [frame, waves by voice], the first of them the one that is heard
    link.on("hello", () => (this.waiting = [])); // its time may be another one
    link.on("waves", ({ at, voices }) => {
      this.waiting.push([at, voices.map(readWave)]);
      if (this.waiting.length > MOST) this.waiting.shift();
    });
  }

  /**
   * Return the waves that are heard at a position, by voice, or none where nobody has told them.
   * @param {number} position in frames
   * @returns {Wave[]}
   */
  at(position) {
    const { waiting } = this;
    while (waiting.length > 1 && waiting[1][0] <= position) waiting.shift();
    const [[at, waves] = [Infinity, []]] = waiting;
    return at <= position && position < at + STALE_FRAMES ? waves : [];
  }
}

function readWave([stepMicroseconds, gain, digits]) {
  const levels = Array.from(digits, (digit) => (gain * parseInt(digit, 16)) / LOUDEST);
  return { levels, stepMs: stepMicroseconds / 1000, peak: Math.max(0, ...levels) };
}
