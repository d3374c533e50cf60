// The gauges: who plays at which tempo, how loud, how safe the music is, and what is plugged in.

import { line, make, setText } from "./dom.js";
import { Meter } from "./meter.js";
import { VOICES } from "./score.js";
import { TempoGauge } from "./tempo.js";
import { whyNoMidi } from "./webmidi.js";
import { clockText, NONE } from "./words.js";

const FRESH_MS = 10_000; // for so long, something that went wrong is news
const PLACES = ["MIDI in", "MIDI out", "Sound", "Take", "This page"];
const STATES = { good: "fine", warn: "watch this", bad: "bad" };

/** A number is good up to the first limit, to be watched up to the second one, and bad beyond. */
const upTo = (good, warn) => (value) => (value <= good ? "good" : value <= warn ? "warn" : "bad");

/**
 * @param {HTMLElement} root
 * @param {import("./link.js").Link} link
 * @param {import("./score.js").Score} score
 */
export function mountGauges(root, link, score) {
  const who = root.querySelector(".who");
  const status = line(who, "p", "running");
  const rig = line(who, "p", "names");
  const [sound, model] = [line(rig, "span", ""), line(rig, "span", "")];
  const tempo = new TempoGauge(group(root, "tempo", "Tempo"), link, score);

  const levels = group(root, "levels", "Levels");
  const meters = VOICES.map((name) => new Meter(levels, name.toUpperCase(), name));
  meters.push(new Meter(levels, "mix", "words", true));

  const numbers = line(group(root, "safety", "How safe the music is"), "dl", "numbers");
  const inHand = new Figure(numbers, "In hand", "frames", (value) => {
    const enough = Math.min(6, Math.ceil((link.values.lookahead ?? 12) / 2));
    return value >= enough ? "good" : value > 0 ? "warn" : "bad";
  });
  const late = new Figure(numbers, "Late", "frames", rising());
  const underflows = new Figure(numbers, "Underflows", "blocks", rising());
  const latency = new Figure(numbers, "Key to sound", "ms", upTo(15, 30));

  const places = new Places(root);
  let isMoving = false;
  let lastMs = 0;
  const move = (ms) => {
    const passed = Math.min(ms - lastMs, 100);
    lastMs = ms;
    for (const meter of meters) meter.move(ms, passed);
    tempo.move(ms);
    requestAnimationFrame(move);
  };
  link.on("gauges", (gauges) => {
    setText(status, gauges.is_running ? (link.values.mode ?? "playing") : "stopped");
    status.dataset.running = gauges.is_running;
    setText(sound, `${clockText(gauges.seconds)} · ${gauges.patch}`);
    const own = Object.entries(gauges.cast ?? {}).map(([voice, name]) => `${voice.toUpperCase()} ${name}`);
    const models = [gauges.model, ...own].join(" · ");
    setText(model, models);
    rig.title = `${gauges.patch} · ${models}`; // in full, where there is no room
    [...gauges.levels, gauges.mix].forEach((level, i) => meters[i].hear(level));
    inHand.show(gauges.frames_in_hand);
    late.show(gauges.late_frames);
    underflows.show(gauges.underflows);
    latency.show(gauges.key_to_sound_ms, 1);
    places.show(gauges);
    tempo.hear(gauges.tempo);
    if (!isMoving) requestAnimationFrame(move);
    isMoving = true;
  });
  const noMidi = whyNoMidi();
  link.on("pong", () => {
    const away = `${link.roundTripMs.toFixed(link.roundTripMs < 10 ? 1 : 0)} ms away`;
    places.put("This page", noMidi ? `${away} · ${noMidi}` : away);
  });
  link.on("state", () => {
    if (link.state !== "here") for (const meter of meters) meter.hear(0);
  });
}

function group(root, name, label) {
  return root.appendChild(make("div", { class: name, role: "group", "aria-label": label }));
}

// Judges a count that should stand at 0: bad while it rises, and to be watched from then on.
function rising() {
  let before = Infinity;
  let roseMs = -Infinity;
  return (count) => {
    if (count > before) roseMs = performance.now();
    before = count;
    if (performance.now() - roseMs < FRESH_MS) return "bad";
    return count > 0 ? "warn" : "good";
  };
}

// A number with its name and unit, and what it means, said by a colour, a shape and a word.
class Figure {
  constructor(list, name, unit, judge) {
    this.judge = judge;
    this.element = line(list, "div", "figure");
    line(this.element, "dt", "", name);
    const value = line(this.element, "dd", "");
    this.number = line(value, "b", "", NONE);
    line(value, "span", "unit", ` ${unit}`);
    this.meaning = line(value, "span", "unseen");
  }

  show(value, digits = 0) {
    setText(this.number, value === null ? NONE : value.toFixed(digits));
    const state = value === null ? "" : this.judge(value);
    if (this.element.dataset.meaning === state) return;
    this.element.dataset.meaning = state;
    this.meaning.textContent = state && `, ${STATES[state]}`;
  }
}

// What is plugged in, and where the take goes: beside the gauges, or behind a button where there is no room.
class Places {
  constructor(root) {
    const state = { "aria-expanded": false, "aria-controls": "places" };
    const button = make("button", { type: "button", class: "more", ...state }, "Rig");
    const list = make("dl", { id: "places" });
    root.append(button, list);
    button.addEventListener("click", () => {
      button.setAttribute("aria-expanded", root.classList.toggle("shows-places"));
    });
    this.values = new Map(PLACES.map((name) => [name, row(list, name)]));
  }

  show({ midi_in, midi_out, sound, block_samples, take }) {
    this.put("MIDI in", midi_in.join(", ") || "none");
    this.put("MIDI out", midi_out.join(", ") || "none");
    this.put("Sound", `${sound}, blocks of ${block_samples}`);
    this.put("Take", take ? `${clockText(take.seconds)}, ${take.folder}` : "not recorded");
  }

  put(name, text) {
    const value = this.values.get(name);
    if (value.textContent === text) return;
    value.textContent = value.title = text;
  }
}

function row(list, name) {
  const value = make("dd", {}, NONE);
  list.append(make("div", {}, make("dt", {}, name), value));
  return value;
}
