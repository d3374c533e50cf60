// The session's clock as the page sees it, from messages that say which frame is heard as they leave.
//
// A message is never early, but it may be late by any time. So the one of the last seconds that came through soonest
// tells the time best, and a delayed one changes nothing. What the page shows goes there by running a little faster or
// slower, so that nothing jumps; only where the session's own clock leaps, the page leaps too.

const WINDOW_MS = 3000; // how long a message counts: clocks that drift apart by 100 ppm do so by 0.3 ms in this time
const LEAP_FRAMES = 6; // what is farther off than this is not a delay but another time
const SURE_MS = 500; // for so long all messages must be late until we believe that the clock went back
const SLEW_MS = 300; // time constant of running after it
const MAX_SLEW = 0.2; // as a share of the speed

export class Clock {
  /** @param {number} frameRate frames a second */
  constructor(frameRate) {
    this.framesAMs = frameRate / 1000;
    this.heard = []; // [ms, origin], origins falling: what is older and lower than another one never counts again
    this.target = null; // frame at 0 ms, by the best message
    this.shown = null; // the same, as the page goes by it
    this.shownMs = 0;
    this.lateSince = null;
  }

  /**
   * Take a message in.
   * @param {number} now the frame that was heard as it left
   * @param {number} ms when it came, as performance.now() has it
   */
  hear(now, ms) {
    const origin = now - ms * this.framesAMs;
    if (this.target !== null && origin < this.target - LEAP_FRAMES) {
      this.lateSince ??= ms;
      if (ms - this.lateSince > SURE_MS) this.heard = [];
    } else {
      this.lateSince = null;
    }
    while (this.heard.length && this.heard.at(-1)[1] <= origin) this.heard.pop();
    this.heard.push([ms, origin]);
    while (this.heard[0][0] < ms - WINDOW_MS) this.heard.shift();
    this.target = this.heard[0][1];
  }

  /**
   * Return the frame that is heard, a real number, or null before the first message.
   * @param {number} ms as performance.now() has it
   */
  position(ms) {
    if (this.target === null) return null;
    const gap = this.target - this.shown;
    if (this.shown === null || Math.abs(gap) > LEAP_FRAMES) {
      this.shown = this.target;
    } else if (ms > this.shownMs) {
      const passed = ms - this.shownMs;
      const most = MAX_SLEW * passed * this.framesAMs;
      const step = gap * (1 - Math.exp(-passed / SLEW_MS));
      this.shown += Math.min(Math.max(step, -most), most);
    }
    this.shownMs = Math.max(this.shownMs, ms);
    return this.shown + ms * this.framesAMs;
  }
}
