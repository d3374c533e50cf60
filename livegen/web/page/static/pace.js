// Draws a canvas in every frame of the screen, and tells tests how fast that is and what a frame costs.

const FPS_MS = 2000;
const TIMES = 600; // frames whose cost is kept

/** What `window.livegen` is. */
export class Pace {
  constructor() {
    this.frames = 0; // drawn so far
    this.position = null; // of the playhead, in frames of the score; null without a session
    this.drawnAt = [];
    this.costs = new Float32Array(TIMES);
  }

  /** Frames a second, over the last two seconds. */
  get fps() {
    const since = performance.now() - FPS_MS;
    return this.drawnAt.filter((ms) => ms > since).length / (FPS_MS / 1000);
  }

  /** Milliseconds that drawing a frame took: median and 99th percentile. */
  get drawMs() {
    const costs = this.costs.slice(0, Math.min(this.frames, TIMES)).sort();
    return { p50: costs[Math.floor(costs.length * 0.5)], p99: costs[Math.floor(costs.length * 0.99)] };
  }

  /**
   * Draw from now on.
   *
   * @param {import("./link.js").Link} link whose playhead it is
   * @param {(ms: number, position: number | null) => void} draw told the time of performance.now(), and the playhead
   */
  run(link, draw) {
    const frame = (ms) => {
      requestAnimationFrame(frame);
      const began = performance.now();
      const position = link.position(ms);
      draw(ms, position);
      this.count(ms, performance.now() - began, position);
    };
    requestAnimationFrame(frame);
  }

  /** Count a frame, drawn at a time of performance.now(). */
  count(ms, costMs, position) {
    this.costs[this.frames++ % TIMES] = costMs;
    this.position = position;
    this.drawnAt.push(ms);
    while (this.drawnAt[0] < ms - FPS_MS) this.drawnAt.shift();
  }
}
