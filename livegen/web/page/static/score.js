// The score as the page knows it: the rows that were heard and those that are planned, and the notes that they make.

export const VOICES = ["p1", "p2", "tr", "no"];
export const MODEL = 0;
export const PLAYER = 1;
export const OFF = 2;
export const NOISE = 3;
const TRIANGLE = 2;
const TRIANGLE_VOLUME = 12; // it has no volume of its own
const ONSET_VOLUME_RISE = 3; // as in livegen/score.py
const SIZE = 1024; // rows that are kept, a power of two: 42 seconds
const KEYS = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

// Columns of a row of a plan.
const [INDEX, NOTE, VOLUME, OWNER, OFFSET, MATCH, BEATS] = [0, 1, 2, 4, 5, 6, 7];

/** Return a MIDI note as a musician reads it: `C♯5`, where C4 is middle C. */
export function noteName(note) {
  return `${KEYS[note % 12]}${Math.floor(note / 12) - 1}`;
}

/**
 * @typedef {object} Bar a note, from its onset to the next one or to silence
 * @property {number} voice
 * @property {number} note
 * @property {number} frame index of its first row
 * @property {number} from where it begins, in frames, its onset offset included
 * @property {number} until where it ends
 * @property {number[]} steps frame and volume, by turns, wherever the volume changes
 * @property {number} owner
 * @property {number} match longest match of the motif memory that it follows, in onsets
 */

/** A ring of rows. */
export class Score {
  /** @param {import("./link.js").Link} link */
  constructor(link) {
    this.session = null;
    this.clear();
    link.on("hello", ({ session }) => {
      if (session !== this.session) this.clear();
      this.session = session;
    });
    link.on("plan", ({ horizon, frames }) => {
      this.horizon = horizon;
      for (const row of frames) this.rows[row[INDEX] & (SIZE - 1)] = row;
      this.end = Math.max(this.end, 1 + (frames.at(-1)?.[INDEX] ?? -1));
      // What a longer plan of before has left behind there is no plan any more.
      const last = Math.max(horizon + (link.values.lookahead ?? 0), frames.at(-1)?.[INDEX] ?? 0);
      while (this.end > last + 1) this.rows[--this.end & (SIZE - 1)] = undefined;
      this.version++;
    });
  }

  clear() {
    this.rows = new Array(SIZE);
    this.end = 0; // one over the last row
    this.horizon = 0;
    this.version = 0; // counts plans
  }

  /** Return a row, or undefined where there is none. */
  row(index) {
    const row = this.rows[index & (SIZE - 1)];
    return row?.[INDEX] === index ? row : undefined;
  }

  /** Return who plays a voice at a position in frames, or undefined. */
  ownerAt(position, voice) {
    return this.row(Math.floor(position))?.[OWNER][VOICES.indexOf(voice)];
  }

  /** Return beats since bar 1, beat 1 at a position in frames, or null. */
  beatsAt(position) {
    const index = Math.floor(position);
    const beats = this.row(index)?.[BEATS] ?? null;
    return beats === null ? null : beats + (position - index) * this.beatStep(index);
  }

  /** Return how many beats a frame lasts, or 0 where there are none or time leaps. */
  beatStep(index) {
    const step = (this.row(index + 1)?.[BEATS] ?? NaN) - this.row(index)?.[BEATS];
    return step > 0 && step < 1 ? step : 0;
  }

  /** Return `[position, beat]` of each beat that begins in rows from `first` to before `end`. */
  beats(first, end) {
    const found = [];
    for (let index = first; index < end; index++) {
      const step = this.beatStep(index);
      if (!step) continue;
      const beats = this.row(index)[BEATS];
      for (let beat = Math.ceil(beats); beat < beats + step; beat++) found.push([index + (beat - beats) / step, beat]);
    }
    return found;
  }

  /**
   * Return the notes of rows from `first` to before `end`.
   * @returns {Bar[]}
   */
  bars(first, end) {
    const bars = [];
    for (let voice = 0; voice < VOICES.length; voice++) {
      let bar = null;
      let volumeBefore = 0;
      for (let index = first; index < end; index++) {
        const row = this.row(index);
        const note = row?.[NOTE][voice] ?? 0;
        if (!note) {
          bar = null;
          continue;
        }
        const volume = voice === TRIANGLE ? TRIANGLE_VOLUME : row[VOLUME][voice];
        const isOnset = note !== bar?.note || volume >= volumeBefore + ONSET_VOLUME_RISE;
        if (isOnset || row[OWNER][voice] !== bar.owner) {
          const from = index + (isOnset ? row[OFFSET][voice] : 0);
          if (bar) bar.until = from;
          bar = { voice, note, frame: index, from, until: 0, steps: [], owner: row[OWNER][voice], match: 0 };
          bar.steps.push(from, volume);
          bars.push(bar);
        } else if (volume !== volumeBefore) {
          bar.steps.push(index, volume);
        }
        bar.until = index + 1;
        bar.match = Math.max(bar.match, row[MATCH][voice]);
        volumeBefore = volume;
      }
    }
    return bars;
  }
}
