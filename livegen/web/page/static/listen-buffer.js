// Between the network and the ear: a buffer that holds a little sound in hand, so that what comes unevenly goes evenly.
//
// Sound is numbered by its samples. What is missing becomes silence; what plays stops and starts in ramps, never with a
// click. How much is in hand follows how unevenly it comes, and what is read keeps pace with what comes, for no two
// clocks agree: both by a change of pitch that nobody hears, or a larger one where there is next to nothing to hear. Where
// much is to be changed, a wave or two are left out or heard twice.
// Without a browser: `put` what came and `take` what is to be heard, in whatever thread.

import { Arrivals } from "./listen-arrivals.js";
import { shiftFor } from "./listen-splice.js";

const CAPACITY = 1 << 17; // samples; a power of two
const MASK = CAPACITY - 1;
const TOO_LATE_SECONDS = 0.25; // over the wait that is needed: then it jumps
const ANOTHER_SESSION_SECONDS = 2; // a number as far off as this is no gap
const RAMP_SAMPLES = 128;
const CORRECTION_SECONDS = 2; // in which a wrong wait would be put right, if pitch were no matter
const MAX_CORRECTION = 0.002; // of the rate: 3.5 cents
const MAX_QUIET_CORRECTION = 0.05;
const QUIET = 0.003; // -50 dB
const SPLICE_SECONDS = 0.03; // a wrong wait that is worth a splice
const SPLICE_EVERY_SECONDS = 0.1;
const SPLICE_SAMPLES = 256; // from the one place to the other
const TAPS = 16; // of the interpolation
const PHASES = 1024;
const UINT32 = 2 ** 32;

export class JitterBuffer {
  // Sample rates in hertz: of what comes, and of what is taken.
  constructor(inputRate, outputRate) {
    this.inputRate = inputRate;
    this.outputRate = outputRate;
    this.ratio = inputRate / outputRate;
    this.samples = new Float32Array(CAPACITY);
    this.filters = windowedSincs(Math.min(1, outputRate / inputRate));
    this.arrivals = new Arrivals();
    this.nTaken = 0; // samples, silence included: the clock
    this.nTogether = 0; // samples that are taken at once
    this.restart();
  }

  // Somebody begins to listen.
  restart() {
    this.nDropOuts = 0;
    this.nGaps = 0;
    this.nJumps = 0;
    this.wait(null);
  }

  // Forget the sound, and wait for more.
  wait(first) {
    this.samples.fill(0);
    this.arrivals.forget();
    this.end = first; // number of the sample after the last one that came; counts on where the wire's 32 bits wrap
    this.read = first; // of the sample that is taken next, a real number
    this.level = 0; // of the ramp
    this.loudest = 0; // of the last block
    this.isPlaying = false;
    this.shift = 0; // in samples, to where a splice goes
    this.spliced = 0; // samples of it so far
    this.lookAt = 0; // when to look for the next one
  }

  // Seconds of the clock.
  get now() {
    return this.nTaken / this.outputRate;
  }

  // Seconds from when a sample was made until it is taken, as things are; since nobody knows the sender's clock, more by
  // a constant.
  get waits() {
    return this.now - this.read / this.inputRate;
  }

  // The same, as it should be: the sound for a block that fades out must be in hand when a message comes at the latest.
  get shouldWait() {
    return this.arrivals.wait + (2 * this.nTogether) / this.outputRate + TAPS / this.inputRate;
  }

  // Seconds by which sound is taken later than it could be if it came with no delay but the least one.
  get delay() {
    return this.isPlaying ? this.waits - this.arrivals.soonest : 0;
  }

  report() {
    const { delay, nDropOuts, nGaps, nJumps, isPlaying } = this;
    return { delay, nDropOuts, nGaps, nJumps, isPlaying };
  }

  // Put in a message: the number of its first sample, and int16 samples.
  put(number, pcm) {
    let first = this.end + wrapped(number - (this.end % UINT32));
    if (this.end === null || Math.abs(first - this.end) > ANOTHER_SESSION_SECONDS * this.inputRate) {
      first = number;
      this.wait(number);
    }
    this.arrivals.hear(this.now, first / this.inputRate, (first + pcm.length) / this.inputRate);
    if (first > this.end) {
      this.nGaps++;
      this.fadeOutTo(this.end);
      while (this.end < first) this.samples[this.end++ & MASK] = 0;
      for (let i = 0; i < pcm.length; i++)
        this.samples[(first + i) & MASK] = (pcm[i] / 32768) * Math.min(1, i / RAMP_SAMPLES);
    } else {
      for (let i = 0; i < pcm.length; i++) this.samples[(first + i) & MASK] = pcm[i] / 32768;
    }
    this.end = Math.max(this.end, first + pcm.length);
    if (this.end - this.read > CAPACITY / 2) [this.isPlaying, this.level] = [false, 0]; // nobody takes
  }

  // What came last may be unread still: then it ends in a ramp.
  fadeOutTo(end) {
    for (let i = 0; i < RAMP_SAMPLES && end - 1 - i > this.read + TAPS; i++) {
      this.samples[(end - 1 - i) & MASK] *= i / RAMP_SAMPLES;
    }
  }

  // Fill an array with what is to be heard.
  take(output) {
    this.nTogether = output.length;
    const whole = output.length * this.ratio * (1 + MAX_QUIET_CORRECTION) + TAPS; // samples for this block
    if (!this.isPlaying && !this.begin(whole)) {
      this.nTaken += output.length;
      return output.fill(0);
    }
    const off = this.waits - this.shouldWait;
    const isLast = this.end - this.read < 2 * whole;
    const goal = isLast || off > TOO_LATE_SECONDS ? 0 : 1; // of the ramp, at the end of this block
    const most = this.loudest < QUIET ? MAX_QUIET_CORRECTION : MAX_CORRECTION;
    const rate = this.ratio * (1 + Math.min(Math.max(off / CORRECTION_SECONDS, -most), most));
    const slope = (goal - this.level) / Math.min(output.length, RAMP_SAMPLES);
    if (this.level === 1 && goal === 1 && !this.shift) this.lookForSplice(off, 2 * whole);
    this.loudest = 0;
    for (let i = 0; i < output.length; i++) {
      this.level = i < RAMP_SAMPLES ? this.level + slope : goal;
      output[i] = this.level * (this.shift ? this.splice() : this.at(this.read));
      this.loudest = Math.max(this.loudest, Math.abs(output[i]));
      this.read += rate;
    }
    this.level = goal;
    this.nTaken += output.length;
    if (goal === 0) {
      this.isPlaying = false;
      this.shift = 0;
      if (isLast) this.miss();
      else this.nJumps++; // there is too much: it goes on at once, further on
    }
    return output;
  }

  lookForSplice(off, reserve) {
    if (Math.abs(off) < SPLICE_SECONDS || this.now < this.lookAt) return;
    this.lookAt = this.now + SPLICE_EVERY_SECONDS;
    const shift = shiftFor(this.samples, Math.floor(this.read), this.inputRate, off);
    if (this.end - this.read - shift < reserve + 2 * SPLICE_SAMPLES * this.ratio) return;
    [this.shift, this.spliced] = [shift, 0];
  }

  splice() {
    const share = ++this.spliced / SPLICE_SAMPLES;
    const [here, there] = [this.at(this.read), this.at(this.read + this.shift)];
    if (share === 1) [this.read, this.shift] = [this.read + this.shift, 0];
    return here + share * (there - here);
  }

  miss() {
    this.nDropOuts++;
    this.arrivals.miss(this.now);
  }

  // Begin to play where sound has waited for as long as it should, if that is in hand and was not heard before.
  begin(whole) {
    if (this.end === null) return false;
    const due = (this.now - this.shouldWait) * this.inputRate;
    if (due < this.read || this.end - due < 2 * whole) return false;
    this.read = due;
    this.isPlaying = true;
    return true;
  }

  // The sound between samples, by a sinc in a window.
  at(position) {
    const whole = Math.floor(position);
    const filter = Math.round((position - whole) * PHASES) * TAPS;
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) {
      sum += this.filters[filter + tap] * this.samples[(whole + tap - TAPS / 2 + 1) & MASK];
    }
    return sum;
  }
}

// The difference of two numbers of 32 bits, the shorter way round.
function wrapped(difference) {
  return difference - UINT32 * Math.round(difference / UINT32);
}

// Filters for each phase between two samples, `TAPS` each, with a cutoff as a share of the input's band; of unit gain.
function windowedSincs(cutoff) {
  const filters = new Float32Array((PHASES + 1) * TAPS);
  for (let phase = 0; phase <= PHASES; phase++) {
    const taps = Array.from({ length: TAPS }, (_, tap) => {
      const x = tap - TAPS / 2 + 1 - phase / PHASES;
      const sinc = x === 0 ? cutoff : Math.sin(Math.PI * cutoff * x) / (Math.PI * x);
      return sinc * Math.max(0, 0.5 + 0.5 * Math.cos((2 * Math.PI * x) / TAPS));
    });
    const gain = taps.reduce((sum, tap) => sum + tap, 0);
    filters.set(
      taps.map((tap) => tap / gain),
      phase * TAPS,
    );
  }
  return filters;
}
