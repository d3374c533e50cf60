// The waveforms of the four voices side by side, as oscilloscopes that begin at the beginning of a voice's sequence.

import { NOISE, VOICES } from "./score.js";

const NAMES = ["pulse 1", "pulse 2", "triangle", "noise"];
const WINDOW_MS = [12, 12, 24, 12]; // across a scope; the bass needs more room
const GLOW = [
  [11, 0.1],
  [5, 0.25],
  [1.8, 1],
]; // width and light of what is drawn over each other
const LEAST_PX = 1.5; // a shorter step cannot be seen
const REST = 0.28; // light of a voice that is silent
const HEIGHT = 0.33; // of the loudest wave, up and down, as a share of a scope's
const MIDDLE = 0.45; // of a wave, with room for the name below it
const INSET_PX = 18;

/**
 * Draw what voices play.
 * @param {CanvasRenderingContext2D} g
 * @param {import("./waves.js").Wave[]} waves by voice; none where nothing is known
 * @param {string[]} colours by voice
 * @param {{left: number, top: number, width: number, height: number, columns: number}} room of all of them, in pixels
 * @param {string} font
 */
export function drawScopes(g, waves, colours, { left, top, width, height, columns }, font) {
  const rows = VOICES.length / columns;
  g.lineJoin = "round";
  g.font = `600 12px ${font}`;
  g.textBaseline = "bottom";
  for (let voice = 0; voice < VOICES.length; voice++) {
    const box = {
      left: left + (voice % columns) * (width / columns) + INSET_PX,
      top: top + Math.floor(voice / columns) * (height / rows),
      width: width / columns - 2 * INSET_PX,
      height: height / rows,
    };
    const wave = waves[voice];
    const light = wave?.levels.length ? REST + (1 - REST) * Math.sqrt(wave.peak) : REST;
    g.strokeStyle = g.fillStyle = colours[voice];
    trace(g, wave, voice, box);
    for (const [px, share] of GLOW) {
      g.lineWidth = px;
      g.globalAlpha = light * share;
      g.stroke();
    }
    g.globalAlpha = 0.6;
    g.fillText(NAMES[voice].toUpperCase(), box.left, box.top + box.height - 8);
  }
  g.globalAlpha = 1;
}

// Make a path of a wave about the middle of its box: flat where the voice is silent.
function trace(g, wave, voice, { left, top, width, height }) {
  const middle = top + MIDDLE * height;
  const size = wave?.levels.length ?? 0;
  g.beginPath();
  if (!size) {
    g.moveTo(left, middle);
    g.lineTo(left + width, middle);
    return;
  }
  const { levels, stepMs, peak } = wave;
  const windowMs = WINDOW_MS[voice];
  const shownMs = voice === NOISE ? Math.min(windowMs, size * stepMs) : windowMs; // beyond that, nobody knows the noise
  const stepPx = (stepMs / shownMs) * width;
  const stride = Math.max(1, Math.ceil(LEAST_PX / stepPx));
  const steps = width / stepPx;
  let x = left;
  for (let i = 0; i < steps; i += stride) {
    const y = middle - (levels[i % size] - peak / 2) * 2 * HEIGHT * height;
    g.lineTo(x, y);
    x = Math.min(left + (i + stride) * stepPx, left + width);
    g.lineTo(x, y);
  }
}
