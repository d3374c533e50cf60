// The roll as light: what sounds shines on the line of now, what was played fades as it goes, what is to come glimmers.

import { LOUDEST, traceNote } from "./note.js";
import { NOISE, OFF, PLAYER, VOICES } from "./score.js";

const FADE_FRAMES = 30; // time constant of what was played
const DIMMEST = 0.1;
const NEAR_FRAMES = 5; // time constant of what comes near
const GLIMMER = [0.07, 0.4]; // light of what is to come, far and near
const HALO_PX = 14; // around a note
const LEAST_HALO = 0.25; // light of a note whose halo can be seen: without a GPU, halos are what costs most
const FLASH_FRAMES = 3.5; // time constant of the flash of a note that begins
const FLARE_PX = 190; // across the light of a loud note that begins
const HUM = 0.38; // light of one that goes on, as a share of that
const SPRITE_PX = 128;
const LINE = [0.14, 0.4]; // light of the line of now, between beats and on a beat
const BEAT_FALL = 5; // how quickly it falls, in e-foldings a beat
const BAR_LINE = 0.07;

export class Light {
  /**
   * @param {string[]} colours by voice
   * @param {string} player colour of what is played by hand
   */
  constructor(colours, player) {
    this.colours = colours;
    this.player = player;
    this.flares = colours.map((colour) => makeSpot([0, "#fff"], [0.12, colour], [0.4, `${colour}40`], [1, `${colour}00`]));
    this.halos = colours.map((colour) => makeSpot([0, `${colour}50`], [0.4, `${colour}28`], [1, `${colour}00`]));
  }

  /**
   * Draw notes.
   * @param {CanvasRenderingContext2D} g
   * @param {import("./view.js").View} view which follows the time already
   * @param {import("./score.js").Score} score
   * @param {import("./score.js").Bar[]} bars
   * @param {object} values controls in force
   */
  draw(g, view, score, bars, values) {
    const aBar = values.beats_a_bar ?? 4;
    g.globalCompositeOperation = "lighter";
    this.drawTime(g, view, score, aBar);
    const isSeen = ({ voice, owner, from, until }) =>
      owner !== OFF && !values[`${VOICES[voice]}.mute`] && view.x(until) > 0 && view.x(from) < view.width;
    for (const bar of bars) if (isSeen(bar)) this.drawNote(g, view, bar);
    for (const bar of bars) if (isSeen(bar) && bar.from <= view.now && view.now < bar.until) this.drawFlare(g, view, bar);
    g.globalCompositeOperation = "source-over";
    g.globalAlpha = 1;
  }

  drawTime(g, view, score, aBar) {
    g.fillStyle = "#fff";
    g.globalAlpha = BAR_LINE;
    for (const [at, beat] of score.beats(view.first, view.end)) {
      if (beat % aBar === 0) g.fillRect(view.x(at), 0, 2, view.height);
    }
    const beats = score.beatsAt(view.now);
    const pulse = beats === null ? 0 : Math.exp(-BEAT_FALL * (beats - Math.floor(beats)));
    g.globalAlpha = LINE[0] + (LINE[1] - LINE[0]) * pulse;
    g.fillRect(view.playheadX - 1, 0, 2, view.height);
  }

  drawNote(g, view, bar) {
    const { now } = view;
    const { from, until, voice, owner } = bar;
    g.fillStyle = owner === PLAYER ? this.player : this.colours[voice];
    if (from < now) {
      const light = DIMMEST + (1 - DIMMEST) * Math.exp(-Math.max(0, now - until) / FADE_FRAMES);
      g.globalAlpha = light;
      if (light > LEAST_HALO) this.drawHalo(g, view, bar);
      traceNote(g, view, bar, from, Math.min(until, now));
      g.fill();
    }
    if (until > now) {
      const start = Math.max(from, now);
      traceNote(g, view, bar, start, until);
      g.globalAlpha = GLIMMER[0] + (GLIMMER[1] - GLIMMER[0]) * Math.exp(-(start - now) / NEAR_FRAMES);
      g.fill();
    }
  }

  // The light around a note: half a spot at each end, and between them its middle, drawn out.
  drawHalo(g, view, { voice, note, from, until }) {
    const [left, right] = [Math.round(view.x(from)), Math.round(view.x(Math.min(until, view.now)))]; // no seam shows
    const radius = view.thickness(voice) / 2 + HALO_PX;
    const top = view.y(voice, note) - radius;
    const half = SPRITE_PX / 2;
    const halo = this.halos[voice];
    g.drawImage(halo, 0, 0, half, SPRITE_PX, left - radius, top, radius, 2 * radius);
    g.drawImage(halo, half - 0.5, 0, 1, SPRITE_PX, left, top, right - left, 2 * radius);
    g.drawImage(halo, half, 0, half, SPRITE_PX, right, top, radius, 2 * radius);
  }

  // A note that sounds: a flash as it begins, and then as bright as it is loud.
  drawFlare(g, view, { voice, note, from, steps }) {
    let volume = steps[1];
    for (let i = 2; i < steps.length && steps[i] <= view.now; i += 2) volume = steps[i + 1];
    const light = (volume / LOUDEST) * (HUM + (1 - HUM) * Math.exp(-(view.now - from) / FLASH_FRAMES));
    const size = FLARE_PX * (0.35 + 0.65 * light) * (voice === NOISE ? 0.8 : 1);
    g.globalAlpha = Math.min(1, 0.25 + light);
    g.drawImage(this.flares[voice], view.playheadX - size / 2, view.y(voice, note) - size / 2, size, size);
  }
}

// A round spot of light, by the colours at shares of the way from its middle to its edge.
function makeSpot(...stops) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SPRITE_PX;
  const g = canvas.getContext("2d");
  const middle = SPRITE_PX / 2;
  g.fillStyle = g.createRadialGradient(middle, middle, 0, middle, middle, middle);
  for (const [share, colour] of stops) g.fillStyle.addColorStop(share, colour);
  g.fillRect(0, 0, SPRITE_PX, SPRITE_PX);
  return canvas;
}
