// The piano roll: what was played, the playhead with what sounds, and in outline what is planned.
//
// Everything is drawn anew on one canvas in every animation frame, which costs about a millisecond; notes are put
// together from rows only when a plan has come. A hidden tab gets no animation frames, and so costs nothing.

import { make } from "./dom.js";
import { LOUDEST, traceNote } from "./note.js";
import { Pace } from "./pace.js";
import { NOISE, OFF, PLAYER, VOICES, noteName } from "./score.js";
import { View } from "./view.js";

const MOST_PIXEL_RATIO = 2; // a finer screen shows no more, and costs
const FADE_MS = 450; // of what was planned and is dropped
const MOST_FADING = 64;
const LONGEST_MATCH = 24; // as livegen/engines/lstm/memory.py has it
const LABEL_PX = 10; // from a name to the playhead
const DIM = 0.22; // of a voice that is muted or off
const LEAST_OCTAVE_PX = 18; // between names of keys
const EDGE_PX = 64;
const CUE_PX = 26; // from the top to the name of a cue, below the numbers of bars
const SPOT_PX = 7; // width of the light on the playhead where a note sounds
const [PAST, SURE, PLANNED] = [1, 0.42, 0.13]; // how full notes are: heard; to come and sure; to come as it stands now
const IS_BLACK = [false, true, false, true, false, false, true, false, true, false, true, false];

/**
 * Show the roll.
 * @param {HTMLElement} root
 * @param {import("./link.js").Link} link
 * @param {import("./score.js").Score} score
 * @returns {Pace}
 */
export function mountRoll(root, link, score) {
  const label = "Notes that were played, the playhead, and in outline the notes that are planned";
  const canvas = make("canvas", { role: "img", "aria-label": label });
  root.append(canvas, legend());
  const roll = new Roll(canvas, link, score);
  roll.start();
  return roll.pace;
}

function legend() {
  const item = (kind, ...words) => make("li", {}, make("i", { class: kind }), ...words);
  const more = (words) => make("span", { class: "more-words" }, words);
  const motif = item("motif", more("takes up an "), "earlier motif", more("; brighter: a longer one"));
  return make("ul", { class: "legend" }, item("you", "you play"), item("planned", "planned"), motif);
}

class Roll {
  constructor(canvas, link, score) {
    this.canvas = canvas;
    this.g = canvas.getContext("2d", { alpha: false });
    this.link = link;
    this.score = score;
    this.view = new View();
    this.bars = [];
    this.fading = []; // [bar, when it was dropped]
    this.version = -1;
    this.isCalm = matchMedia("(prefers-reduced-motion: reduce)");
    this.lastMs = 0;
    this.pace = new Pace();
    this.colours = this.readColours();
    this.widths = new Map(); // of words, in pixels
    this.cues = []; // in force or planned
    this.countIn = null; // beats that are left to be counted
    link.on("gauges", ({ cues = [], count_in = null }) => ([this.cues, this.countIn] = [cues, count_in]));
    link.on("hello", ({ session }) => {
      if (session !== this.session) [this.bars, this.fading, this.view] = [[], [], new View()];
      this.session = session;
    });
    new ResizeObserver(([{ contentRect }]) => (this.size = contentRect)).observe(canvas);
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const names = ["panel", "raised", "line", "line-strong", "words", "words-faint", "player", "ground"];
    this.font = colour("font");
    return { ...Object.fromEntries(names.map((name) => [name, colour(name)])), voices: VOICES.map(colour) };
  }

  start() {
    this.pace.run(this.link, (ms, position) => this.draw(ms, position));
  }

  // Give the canvas its size in the frame in which it is drawn, so that it is never seen empty.
  fit() {
    const { width, height } = this.size ?? this.canvas.getBoundingClientRect();
    const ratio = Math.min(devicePixelRatio, MOST_PIXEL_RATIO);
    if (ratio === this.ratio && width === this.view.width && height === this.view.height) return;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.ratio = ratio;
    this.view.resize(width, height);
    this.isNarrow = width < 600;
    this.wordPx = this.isNarrow ? 15 : 20;
    this.edge = this.g.createLinearGradient(0, 0, EDGE_PX, 0);
    this.edge.addColorStop(0, this.colours.panel);
    this.edge.addColorStop(0.4, `${this.colours.panel}c0`);
    this.edge.addColorStop(1, `${this.colours.panel}00`);
    this.widths.clear();
  }

  draw(ms, now) {
    const { g, view, link } = this;
    this.fit();
    g.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    g.fillStyle = this.colours.panel;
    g.fillRect(0, 0, view.width, view.height);
    if (view.width < 1 || now === null) return;
    view.follow(now, this.isCalm.matches ? Infinity : ms - this.lastMs, link.values.lookahead ?? 12, this.bars);
    this.lastMs = ms;
    if (this.version !== this.score.version) this.collect(ms);
    this.drawKeys();
    this.drawTime();
    this.drawFading(ms);
    for (const bar of this.bars) if (bar.owner !== PLAYER) this.drawBar(bar);
    for (const bar of this.bars) if (bar.owner === PLAYER) this.drawBar(bar); // whoever plays wants to see it
    this.drawCues();
    this.drawEdge();
    this.drawPlayhead();
    this.drawCountIn();
  }

  // Put the notes together, and keep those of the plan that are in it no more, for a while.
  collect(ms) {
    const { view, score } = this;
    const before = this.bars;
    this.version = score.version;
    this.bars = score.bars(view.first, Math.max(view.end, score.end));
    if (this.isCalm.matches) return;
    const name = ({ voice, note, frame }) => (frame * 4 + voice) * 128 + note;
    const now = new Set(this.bars.map(name));
    for (const bar of before) {
      if (bar.from > view.now && !now.has(name(bar))) this.fading.push([bar, ms]);
    }
    this.fading = this.fading.filter(([, since]) => ms - since < FADE_MS).slice(-MOST_FADING);
  }

  drawKeys() {
    const { g, view, colours } = this;
    g.fillStyle = colours.raised;
    g.fillRect(0, view.noiseTop, view.width, view.noiseHeight);
    g.globalAlpha = 0.55;
    for (let key = Math.floor(view.low); key <= Math.ceil(view.high); key++) {
      if (!IS_BLACK[((key % 12) + 12) % 12]) continue;
      const top = view.y(0, key) - view.keyPx / 2;
      g.fillRect(0, top, view.width, Math.min(view.keyPx, view.pitchBottom - top));
    }
    g.globalAlpha = 1;
    g.fillStyle = colours.line;
    for (const [, y] of this.octaves()) g.fillRect(0, y, view.width, 1);
  }

  // Yield the name of each C in sight, and where its lower edge lies.
  *octaves() {
    const { view } = this;
    const step = 12 * Math.ceil(LEAST_OCTAVE_PX / (12 * view.keyPx));
    for (let key = Math.ceil(view.low / step) * step; key <= view.high; key += step) {
      const y = Math.round(view.y(0, key) + view.keyPx / 2);
      if (y > 14 && y <= view.pitchBottom) yield [noteName(key), y];
    }
  }

  // Let the past go into the dark on the left, under the names of keys.
  drawEdge() {
    const { g, view, colours } = this;
    g.fillStyle = this.edge;
    g.fillRect(0, 0, EDGE_PX, view.height);
    g.fillStyle = colours["words-faint"];
    g.font = `13px ${this.font}`;
    g.textBaseline = "bottom";
    for (const [name, y] of this.octaves()) g.fillText(name, 6, y - 1);
    g.fillText("noise", 6, view.noiseTop + 18);
  }

  // Lines of bars and beats, or of seconds where no beat is known, so that one sees it move.
  drawTime() {
    const { g, view, colours, score } = this;
    const aBar = this.link.values.beats_a_bar ?? 4;
    const beats = score.beats(view.first, view.end);
    g.fillStyle = colours["line"];
    if (!beats.length) {
      const rate = this.link.hello.frame_rate;
      for (let at = Math.ceil(view.first / rate) * rate; at < view.end; at += rate) {
        g.fillRect(view.x(at), 0, 1, view.height);
      }
      return;
    }
    g.font = `600 14px ${this.font}`;
    g.textBaseline = "top";
    for (const [at, beat] of beats) {
      const isBar = beat % aBar === 0;
      const x = view.x(at);
      g.fillStyle = isBar ? colours["line-strong"] : colours.line;
      g.fillRect(x, 0, isBar ? 2 : 1, view.height);
      if (!isBar) continue;
      g.fillStyle = colours["words-faint"];
      g.fillText(beat / aBar + 1, x + 6, 5);
    }
  }

  // Where cues begin and the last note of an ending falls: a line at its place, or at the edge, with the beats that are
  // left, while that is not in sight yet.
  drawCues() {
    const { g, view, colours } = this;
    g.font = `600 14px ${this.font}`;
    g.textBaseline = "top";
    g.textAlign = "right";
    let y = CUE_PX;
    for (const { name, voice, begin, strike } of this.cues) {
      const at = strike ?? begin;
      if (at < view.now && strike === null) continue; // in force: the buttons show it
      const beats = this.framesToBeats(at - view.now);
      const isFar = at > view.end;
      const far = beats === null ? "" : ` in ${Math.ceil(beats)}`;
      const words = `${name}${voice ? ` ${voice.toUpperCase()}` : ""}${isFar ? far : ""}`;
      const x = isFar ? view.width - 2 : view.x(at);
      g.fillStyle = colours.player;
      g.fillRect(x, 0, 2, view.height);
      g.fillText(words, Math.min(x - 6, view.width - 8), y);
      y += 18;
    }
    g.textAlign = "left";
  }

  // Beats in so many frames, at the tempo of now; null where no beat is known.
  framesToBeats(frames) {
    const step = this.score.beatStep(Math.floor(this.view.now));
    return step ? frames * step : null;
  }

  // The beats that are left to be counted, large, in the middle.
  drawCountIn() {
    if (!this.countIn) return;
    const { g, view, colours } = this;
    g.font = `700 ${Math.round(view.height / 3)}px ${this.font}`;
    g.textBaseline = "middle";
    g.textAlign = "center";
    g.fillStyle = colours.words;
    g.fillText(this.countIn, view.width / 2, view.height / 2);
    g.textAlign = "left";
  }

  drawFading(ms) {
    const { g, view } = this;
    g.lineWidth = 1.5;
    for (const [bar, since] of this.fading) {
      const left = 1 - (ms - since) / FADE_MS;
      if (left <= 0) continue;
      g.globalAlpha = 0.6 * left;
      g.strokeStyle = this.colours.voices[bar.voice];
      traceNote(g, view, bar, Math.max(bar.from, view.now), bar.until);
      g.stroke();
    }
    g.globalAlpha = 1;
  }

  drawBar(bar) {
    const { g, view, colours, score } = this;
    const { voice, from, until } = bar;
    if (view.x(until) < 0 || view.x(from) > view.width) return;
    const voiceColour = colours.voices[voice];
    const isPlayer = bar.owner === PLAYER;
    const light = this.isDim(bar) ? DIM : 1;
    g.fillStyle = isPlayer ? colours.player : voiceColour;
    g.strokeStyle = voiceColour;
    g.lineWidth = isPlayer ? 2 : 1.5;
    const split = [
      [from, Math.min(until, view.now), PAST],
      [Math.max(from, view.now), Math.min(until, score.horizon), SURE],
      [Math.max(from, view.now, score.horizon), until, PLANNED],
    ];
    const loudness = 0.62 + (0.38 * bar.steps[1]) / LOUDEST;
    for (const [start, end, fullness] of split) {
      if (end <= start) continue;
      g.globalAlpha = light * fullness * loudness;
      traceNote(g, view, bar, start, end);
      g.fill();
    }
    g.globalAlpha = light;
    if (isPlayer || until > view.now) {
      traceNote(g, view, bar, isPlayer ? from : Math.max(from, view.now), until);
      g.stroke();
    }
    if (bar.match) {
      const share = Math.min(bar.match / LONGEST_MATCH, 1);
      g.globalAlpha = light * (0.3 + 0.7 * share) * (from > view.now ? 0.7 : 1);
      g.fillStyle = voiceColour;
      const y = view.y(voice, bar.note) + view.thickness(voice) / 2 + 1.5;
      g.fillRect(view.x(from), y, (until - from) * view.framePx - 1, 1.5 + 1.5 * share);
    }
    g.globalAlpha = 1;
  }

  isDim({ voice, owner }) {
    return owner === OFF || Boolean(this.link.values[`${VOICES[voice]}.mute`]);
  }

  // The line of now, and the names of what sounds there, moved apart where they would lie on each other.
  drawPlayhead() {
    const { g, view, colours } = this;
    g.fillStyle = colours.words;
    g.fillRect(view.playheadX - 1, 0, 2, view.height);
    const sounding = this.bars.filter(({ from, until }) => from <= view.now && view.now < until);
    sounding.sort((a, b) => (a.owner === PLAYER) - (b.owner === PLAYER));
    for (const bar of sounding) {
      const height = view.thickness(bar.voice) + 4;
      g.fillStyle = this.colourOf(bar);
      g.fillRect(view.playheadX - SPOT_PX / 2, view.y(bar.voice, bar.note) - height / 2, SPOT_PX, height);
    }
    const step = this.wordPx * 1.35;
    const labels = sounding
      .map((bar) => ({ bar, y: view.y(bar.voice, bar.note) }))
      .sort((a, b) => a.y - b.y);
    for (let i = 1; i < labels.length; i++) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + step);
    let most = view.height - step / 2;
    for (const label of labels.reverse()) {
      label.y = Math.max(Math.min(label.y, most), step / 2);
      most = label.y - step;
    }
    g.font = `600 ${this.wordPx}px ${this.font}`;
    g.textBaseline = "middle";
    for (const { bar, y } of labels) {
      const name = bar.voice === NOISE ? `N${bar.note}` : noteName(bar.note);
      const words = this.isNarrow ? name : `${VOICES[bar.voice].toUpperCase()} ${name}`;
      const width = this.widthOf(words);
      const x = view.playheadX - LABEL_PX - width;
      g.globalAlpha = 0.88;
      g.fillStyle = colours.ground;
      g.fillRect(x - 6, y - step / 2, width + 12, step);
      g.globalAlpha = 1;
      g.fillStyle = this.colourOf(bar);
      g.fillText(words, x, y + 1);
    }
  }

  colourOf(bar) {
    if (this.isDim(bar)) return this.colours["words-faint"];
    return bar.owner === PLAYER ? this.colours.player : this.colours.voices[bar.voice];
  }

  widthOf(words) {
    if (!this.widths.has(words)) this.widths.set(words, this.g.measureText(words).width);
    return this.widths.get(words);
  }
}
