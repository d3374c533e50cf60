// The shape of a note on a roll: as high as it is loud, in the steps of its volume.

export const LOUDEST = 15;
const THINNEST = 0.4; // height of a silent note, as a share of a loud one

/**
 * Make a path of a note between two times.
 * @param {CanvasRenderingContext2D} g
 * @param {import("./view.js").View} view
 * @param {import("./score.js").Bar} bar
 * @param {number} start in frames
 * @param {number} end in frames
 */
export function traceNote(g, view, { voice, note, from, until, steps }, start, end) {
  const y = view.y(voice, note);
  const half = view.thickness(voice) / 2;
  const gap = end === until && (until - from) * view.framePx > 3 ? 1 : 0; // between a note and the next one
  const right = view.x(end) - gap;
  const stop = steps.length;
  let first = 0;
  while (first + 2 < stop && steps[first + 2] <= start) first += 2;
  let last = first;
  while (last + 2 < stop && steps[last + 2] < end) last += 2;
  g.beginPath();
  for (let i = first; i <= last; i += 2) {
    const height = half * (THINNEST + ((1 - THINNEST) * steps[i + 1]) / LOUDEST);
    g.lineTo(view.x(Math.max(steps[i], start)), y - height);
    g.lineTo(i === last ? right : view.x(steps[i + 2]), y - height);
  }
  for (let i = last; i >= first; i -= 2) {
    const height = half * (THINNEST + ((1 - THINNEST) * steps[i + 1]) / LOUDEST);
    g.lineTo(i === last ? right : view.x(steps[i + 2]), y + height);
    g.lineTo(view.x(Math.max(steps[i], start)), y + height);
  }
  g.closePath();
}
