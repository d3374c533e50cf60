// How unevenly sound comes over the network, and so how long it must wait here that none is missing when it is due.
//
// Time is cut in slices. Of each it is kept how much later than the soonest message the latest one came, and the wait is
// long enough for all slices of the last half minute but the worst one: what is late once, or from then on, is not worth
// a wait of everything after it, and twice is. A time is one of the clock by which sound is taken less one of the
// sender's by which it was made, in seconds: only differences of such times mean anything, and the two clocks may run
// apart, for none is kept for long.

const SLICE_SECONDS = 2;
const KEPT = 15; // slices
const FORGIVEN = 1; // of those
const SOONEST_SECONDS = 3; // for so long, the message that came soonest tells how late another one is
const KNOWN = 10; // slices that must have been heard
const START_WAIT = 0.07; // what a slice is taken for until then
const MOST_WAIT = 0.25;
const MARGIN_WAIT = 0.02; // more than was needed
const SPARE_WAIT = 0.04; // more after each drop-out
const SPARE_SECONDS = 10; // for so long
const LEAP = 0.25; // nothing comes so much sooner than before, unless one of the clocks stood still

export class Arrivals {
  constructor() {
    this.forget();
  }

  forget() {
    this.slices = []; // { number, soonest, latest }, the oldest first
    this.recent = []; // { now, time } of messages, times rising: what is older and greater than another never counts
    this.soonest = Infinity; // the first of these times
    this.missed = []; // when sound was missing
    this.wait = 0; // time at which sound is due
  }

  /**
   * Take in that a message has come.
   * @param {number} now by the clock that takes
   * @param {number} first when its sound begins, by the clock that made it: it must be here before that is due
   * @param {number} end when it ends
   */
  hear(now, first, end) {
    const time = now - end;
    if (time < this.soonest - LEAP) this.forget();
    while (this.recent.length && this.recent.at(-1).time >= time) this.recent.pop();
    this.recent.push({ now, time });
    while (this.recent[0].now < now - SOONEST_SECONDS) this.recent.shift();
    this.soonest = this.recent[0].time;
    const number = Math.floor(now / SLICE_SECONDS);
    if (this.slices.at(-1)?.number !== number) {
      this.slices.push({ number, soonest: Infinity, latest: -Infinity });
      if (this.slices.length > KEPT) this.slices.shift();
    }
    const slice = this.slices.at(-1);
    slice.soonest = Math.min(slice.soonest, time);
    slice.latest = Math.max(slice.latest, now - first);
    const uneven = this.slices.map(({ soonest, latest }) => latest - soonest);
    while (uneven.length < KNOWN) uneven.push(START_WAIT);
    uneven.sort((a, b) => b - a);
    this.missed = this.missed.filter((at) => now - at < SPARE_SECONDS);
    const spare = MARGIN_WAIT + SPARE_WAIT * this.missed.length;
    this.wait = this.soonest + Math.min(uneven[FORGIVEN] + spare, MOST_WAIT);
  }

  /** Take in that sound was missing when it was due: perhaps all of it comes later from now on. */
  miss(now) {
    this.recent = [];
    this.missed.push(now);
  }
}
