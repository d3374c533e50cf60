// Where sound may be cut, or heard twice, so that nobody hears it: at a shift after which it is much the same again.

const LEAST_SECONDS = 0.0025;
const MOST_SECONDS = 0.02;
const COMPARED = 256; // samples
const LAG_STEP = 2;
const ALIKE = 0.9; // least correlation

/**
 * Return by how many samples to go forward, back if negative, for sound that is most like that at a place; 0 if none is
 * like it.
 * @param {Float32Array} ring of a length that is a power of two
 * @param {number} at number of a sample
 * @param {number} rate samples a second
 * @param {number} seconds how far at most, and in which direction
 */
export function shiftFor(ring, at, rate, seconds) {
  const mask = ring.length - 1;
  const most = rate * Math.min(Math.abs(seconds), MOST_SECONDS);
  let best = 0;
  let likeness = ALIKE;
  for (let lag = Math.round(rate * LEAST_SECONDS); lag <= most; lag += LAG_STEP) {
    const other = at + Math.sign(seconds) * lag;
    let [product, here, there] = [0, 0, 0];
    for (let i = 0; i < COMPARED; i++) {
      const [a, b] = [ring[(at + i) & mask], ring[(other + i) & mask]];
      product += a * b;
      here += a * a;
      there += b * b;
    }
    const alike = product / Math.sqrt(here * there);
    if (alike > likeness) [likeness, best] = [alike, other - at]; // false for silence
  }
  return best;
}
