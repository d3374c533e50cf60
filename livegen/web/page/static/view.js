// Where things lie on the roll: which frames and pitches are in sight, and how that changes, smoothly, while it plays.

import { NOISE } from "./score.js";

const MOST_PX_A_FRAME = 16;
const FRAMES_IN_SIGHT = 84; // three seconds and a half
const FUTURE_SHARE = [0.22, 0.5]; // of the width, at least and at most
const FUTURE_MARGIN = 2; // frames, beyond what is planned
const LEAST_KEYS = 26;
const MARGIN_KEYS = 3;
const MIDDLE = [60, 72]; // in sight before anything is played
const GROW_MS = 150; // time constants: what is played comes into sight at once, and room that is not needed goes slowly
const SHRINK_MS = 2500;
const BAR_PX = [7, 30]; // height of a note
const BAR_KEYS = 1.25; // the same, in keys: they seldom lie side by side
const HEAD_PX = 26; // for the numbers of bars
const NOISE_NOTES = 16;
const NOISE_BAR = 1.8; // height of a noise note, in places of the lane
const NOISE_SHARE = 0.17;
const NOISE_PX = [36, 120];
const GAP_PX = 6;

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

export class View {
  constructor() {
    [this.low, this.high] = MIDDLE; // lowest key in sight and highest
    this.futureFrames = 0;
    this.width = 0;
    this.height = 0;
  }

  /** Take another size in, in pixels of the page. */
  resize(width, height) {
    this.width = width;
    this.height = height;
    this.noiseHeight = clamp(height * NOISE_SHARE, ...NOISE_PX);
    this.noiseTop = height - this.noiseHeight;
    this.pitchBottom = this.noiseTop - GAP_PX;
  }

  /**
   * Move on.
   * @param {number} now the position in frames
   * @param {number} passedMs since the last time, or Infinity to be there at once
   * @param {number} lookahead frames that are planned ahead
   * @param {import("./score.js").Bar[]} bars what is in sight
   */
  follow(now, passedMs, lookahead, bars) {
    const ease = (from, to, ms) => to + (from - to) * Math.exp(-passedMs / ms);
    this.futureFrames = this.futureFrames ? ease(this.futureFrames, lookahead, GROW_MS) : lookahead;
    let low = Infinity;
    let high = -Infinity;
    for (const { voice, note } of bars) {
      if (voice === NOISE) continue;
      low = Math.min(low, note);
      high = Math.max(high, note);
    }
    if (low > high) [low, high] = MIDDLE;
    const more = Math.max(LEAST_KEYS - (high - low + 1), 2 * MARGIN_KEYS) / 2;
    this.low = ease(this.low, low - more, low - more < this.low ? GROW_MS : SHRINK_MS);
    this.high = ease(this.high, high + more, high + more > this.high ? GROW_MS : SHRINK_MS);

    this.now = now;
    const widest = Math.min(this.width / FRAMES_IN_SIGHT, MOST_PX_A_FRAME);
    const frames = this.futureFrames + FUTURE_MARGIN;
    const future = clamp(frames * widest, this.width * FUTURE_SHARE[0], this.width * FUTURE_SHARE[1]);
    this.framePx = Math.min(widest, future / frames);
    this.playheadX = Math.round(this.width - future);
    this.keyPx = (this.pitchBottom - HEAD_PX) / (this.high - this.low + 1);
    this.barPx = clamp(this.keyPx * BAR_KEYS, ...BAR_PX);
    this.first = Math.floor(now - this.playheadX / this.framePx) - 1;
    this.end = Math.ceil(now + future / this.framePx) + 1;
  }

  x(frame) {
    return this.playheadX + (frame - this.now) * this.framePx;
  }

  /** Middle of a note. */
  y(voice, note) {
    if (voice === NOISE) return this.noiseTop + (NOISE_NOTES + 0.5 - note) * (this.noiseHeight / NOISE_NOTES);
    return HEAD_PX + (this.high - note + 0.5) * this.keyPx;
  }

  /** Greatest height of a note. */
  thickness(voice) {
    return voice === NOISE ? Math.max((NOISE_BAR * this.noiseHeight) / NOISE_NOTES, BAR_PX[0]) : this.barPx;
  }
}
