// Between the network and the ear: a buffer that holds a little sound in hand, so that what comes unevenly goes evenly.
//
// Sound is numbered by its samples. What is missing becomes silence; what plays stops and starts in ramps, never with a
// click; and what is read keeps pace with what comes by a change of pitch that nobody hears, for no two clocks agree.
// Without a browser: `put` what came and `take` what is to be heard, in whatever thread.

const CAPACITY = 1 << 17; // samples; a power of two
const MASK = CAPACITY - 1;
const TARGET_SECONDS = 0.1; // in hand, just after a message came
const TARGET_STEP_SECONDS = 0.02; // more after each drop-out
const MAX_TARGET_SECONDS = 0.2;
const TOO_LATE_SECONDS = 0.25; // over the target: then it jumps
const ANOTHER_SESSION_SECONDS = 2; // a number as far off as this is no gap
const RAMP_SAMPLES = 128;
const SMOOTHING = 0.02; // of the measured fill, a message
const PULL = 0.02; // of the rate, for each second that the fill is off its target
const MAX_CORRECTION = 0.002; // 3.5 cents
const TAPS = 16; // of the interpolation
const PHASES = 1024;
const UINT32 = 2 ** 32;

export class JitterBuffer {
  // Sample rates in hertz: of what comes, and of what is taken.
  constructor(inputRate, outputRate) {
    this.inputRate = inputRate;
    this.ratio = inputRate / outputRate;
    this.samples = new Float32Array(CAPACITY);
    this.filters = windowedSincs(Math.min(1, outputRate / inputRate));
    this.restart();
  }

  // Somebody begins to listen.
  restart() {
    this.target = TARGET_SECONDS;
    this.nDropOuts = 0;
    this.nGaps = 0;
    this.nJumps = 0;
    this.wait(0);
  }

  // Forget the sound, and wait for more.
  wait(first) {
    this.samples.fill(0);
    this.end = first; // number of the sample after the last one that came; counts on where the wire's 32 bits wrap
    this.read = first; // of the sample that is taken next, a real number
    this.fill = null; // seconds in hand just after a message came, smoothed
    this.level = 0; // of the ramp
    this.isPlaying = false;
  }

  // Seconds that a sample which comes now waits.
  get delay() {
    return this.fill ?? 0;
  }

  report() {
    const { delay, nDropOuts, nGaps, nJumps, isPlaying } = this;
    return { delay, nDropOuts, nGaps, nJumps, isPlaying };
  }

  // Put in a message: the number of its first sample, and int16 samples.
  put(number, pcm) {
    let first = this.end + wrapped(number - (this.end % UINT32));
    if (this.fill === null || Math.abs(first - this.end) > ANOTHER_SESSION_SECONDS * this.inputRate) {
      first = number;
      this.wait(number);
    }
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
    if (this.end - this.read > CAPACITY / 2) this.read = this.end - this.target * this.inputRate; // nobody takes
    const fill = (this.end - this.read) / this.inputRate;
    this.fill = this.isPlaying ? this.fill + SMOOTHING * (fill - this.fill) : fill;
  }

  // What came last may be unread still: then it ends in a ramp.
  fadeOutTo(end) {
    for (let i = 0; i < RAMP_SAMPLES && end - 1 - i > this.read + TAPS; i++) {
      this.samples[(end - 1 - i) & MASK] *= i / RAMP_SAMPLES;
    }
  }

  // Fill an array with what is to be heard.
  take(output) {
    const inHand = this.end - this.read;
    const needed = output.length * this.ratio * (1 + MAX_CORRECTION) + TAPS;
    let goal = 1; // of the ramp, at the end of this block
    if (!this.isPlaying) {
      if (this.fill === null || inHand < Math.max(this.target * this.inputRate, needed)) return output.fill(0);
      this.isPlaying = true;
      this.fill = this.target;
      this.read = this.end - this.target * this.inputRate;
    } else if (inHand < needed + output.length * this.ratio) {
      goal = 0; // this is the last block that is whole
    } else if (inHand > (this.target + TOO_LATE_SECONDS) * this.inputRate) {
      goal = 0;
    }
    const off = this.fill - this.target;
    const rate = this.ratio * (1 + Math.min(Math.max(PULL * off, -MAX_CORRECTION), MAX_CORRECTION));
    const slope = (goal - this.level) / Math.min(output.length, RAMP_SAMPLES);
    for (let i = 0; i < output.length; i++) {
      this.level = i < RAMP_SAMPLES ? this.level + slope : goal;
      output[i] = this.level * this.at(this.read);
      this.read += rate;
    }
    this.level = goal;
    if (goal === 0) this.stop(inHand);
    return output;
  }

  stop(inHand) {
    this.isPlaying = false;
    if (inHand > this.target * this.inputRate) {
      this.nJumps++; // there is too much: it goes on at once, further on
    } else {
      this.nDropOuts++;
      this.target = Math.min(this.target + TARGET_STEP_SECONDS, MAX_TARGET_SECONDS);
    }
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
