// The hands: every row of the table of controls as a widget, those that a performer wants first in front.
//
// The table comes from the server. What is named here is only where a control stands; one that is named nowhere stands
// under "more".

import { isTyping, make, setText } from "./dom.js";
import { EnginePanel } from "./engines.js";
import { LATTICE, Lattice, MOVES } from "./lattice.js";
import { makeLearning } from "./learn.js";
import { makePads } from "./pads.js";
import { MODEL, VOICES } from "./score.js";
import { Songs } from "./songs.js";
import { makeButtons, makePicker, makeWidget } from "./widgets.js";

const TRANSPORT = ["start", "stop", "panic"];
const KEYS = { start: "space", stop: "space", panic: "esc" }; // as `press` has them
const FRONT = [
  ["mode"],
  ["temperature", "volume"],
  ["reroll", "hold", "undo", "tap", "rewind", "capture", "bpm", "patch", "model"],
];
const SONGS = ["previous", "song", "next"];
const CUES = ["fill", "drop", "tutti", "end", "break", "build", "solo", "cue_when"];
const VOICE_FRONT = ["role", "mute", "volume"];
const GROUPS = {
  turns: ["backing", "rest_beats", "answer_beats", "trade_bars"],
  "the model": ["top_p", "memory", "arrangement", "key", "scale", "hold_beats", "lookahead", "rewind_frames", "reset"],
  time: ["sync", "grid", "tightness", "swing", "beats_a_bar", "phase_offset", "metronome", "metronome_out"],
  "your keys": ["chords", "chord_ticks", "bend_range"],
  "knobs and rigs": ["learn", "unlearn", "save"],
};
const MEMORIES = ["store", "recall"];
const BUTTONS = { "gan.reroll": ["all", ...VOICES] }; // a control that takes one of a few words, to these
const PICKERS = { patch: "patches", model: "models" }; // a control that takes a name, to the names in hello
const SAME = "same"; // in place of a voice's own model: the one that plays the others
const ACTIONS = ["trigger", "count", "name"]; // kinds that do something once
const SEND_MS = 16; // between two values of a control
const VIEWS = { stage: "stage view (tablet)", show: "show (audience)" }; // by what the address says
const REFUSAL_MS = 5000;

/**
 * @param {HTMLElement} root
 * @param {import("./link.js").Link} link
 * @param {import("./score.js").Score} score
 */
export function mountHands(root, link, score) {
  const hands = new Hands(root, link, score);
  link.on("hello", (hello) => hands.build(hello));
  link.on("values", ({ values }) => hands.show(values));
  link.on("knobs", ({ knobs }) => hands.showKnobs(knobs));
  link.on("gauges", (gauges) => hands.showGauges(gauges));
  link.on("refused", ({ name, reason }) => hands.showRefusal(name, reason));
  document.addEventListener("keydown", (event) => hands.press(event));
  letGoOfFocus(root);
}

// What a control sets, and the voice that it sets it of, where it is of one.
function partsOf(name) {
  const [kind, voice] = name.split(".").reverse();
  return { kind, voice };
}

const isPicker = ({ kind }) => kind in PICKERS;

class Hands {
  constructor(root, link, score) {
    this.root = root;
    this.link = link;
    this.score = score;
    this.table = ""; // as text, of which the widgets are
    this.widgets = new Map();
    this.pickers = []; // those of the widgets that pick a name
    this.voices = new Map(); // by name, what shows who plays it
    this.lattice = null; // where the session has one
    this.engines = []; // the panels of those kinds of models that have controls of their own
    this.isRunning = true; // until the session says so
    this.songs = new Songs(link);
    this.songs.onChange(() => this.showSongs());
    this.set = notTooOften(link);
  }

  build(hello) {
    const rows = hello.table ?? [];
    const table = JSON.stringify(rows);
    if (table !== this.table) {
      this.table = table;
      this.widgets.clear();
      this.voices.clear();
      this.panel?.remove();
      this.panel = this.root.appendChild(this.makePanel(new Map(rows.map((row) => [row.name, row]))));
      this.pickers = [...this.widgets].map(([name, widget]) => ({ ...partsOf(name), widget })).filter(isPicker);
      this.show(this.link.values);
      this.showSongs();
    }
    for (const { voice, kind, widget } of this.pickers) {
      const names = hello[PICKERS[kind]] ?? [];
      widget.setNames(voice ? [SAME, ...names] : names);
    }
    this.showKnobs({});
  }

  // Each step takes the rows that it shows off `rows`: what is left at the end stands under "more".
  makePanel(rows) {
    const panel = make("div", { class: "panel" });
    this.prompt = make("p", { class: "prompt", role: "status" });
    this.learning = makeLearning(panel, this.link, this.prompt);
    const ofVoices = [...rows.values()].filter(({ scope }) => scope === "voice");
    const voices = [...new Set(ofVoices.map(({ name }) => name.split(".")[0]))];
    panel.append(this.makeTransport(rows), this.makeSongs(rows));
    this.cues = this.place(rows, CUES, "actions cues");
    panel.append(this.cues);
    const [mode, sliders, actions] = FRONT;
    panel.append(this.place(rows, mode, "mode"), this.place(rows, sliders, "sliders"));
    panel.append(...voices.map((voice) => this.makeVoice(rows, voice)));
    this.engines = this.makeEngines(rows);
    panel.append(...this.engines.map(({ slot }) => slot), this.place(rows, actions, "actions"));
    if (MEMORIES.every((name) => rows.has(name))) {
      const [store, recall] = MEMORIES.map((name) => rows.get(name));
      MEMORIES.forEach((name) => rows.delete(name));
      this.memories = makePads("memories", "memory", recall, [store], this.link);
      panel.append(this.memories.element);
    }
    if (rows.has(LATTICE[0])) {
      const [moves, others] = [this.place(rows, MOVES, "moves"), this.place(rows, LATTICE, "rows")];
      this.lattice = new Lattice(moves, others, this.link, this.score);
      panel.append(this.lattice.element);
    }
    const groups = Object.entries(GROUPS).map(([title, names]) => fold(title, this.place(rows, names, "rows")));
    const details = voices.map((voice) => {
      const names = [...rows.keys()].filter((name) => name.startsWith(`${voice}.`));
      return fold(`voice ${voice.toUpperCase()}`, this.place(rows, names, "rows"), voice);
    });
    panel.append(...details, ...groups, ...this.engines.map((engine) => engine.fold));
    if (rows.size) panel.append(fold("more", this.place(rows, [...rows.keys()], "rows")));
    panel.append(makeViews());
    return panel;
  }

  makeEngines(rows) {
    const kinds = [...new Set([...rows.values()].map(({ engine }) => engine).filter(Boolean))];
    const place = (names, className) => this.place(rows, names, className);
    return kinds.map((kind) => new EnginePanel(kind, rows, place, this.widgets, this.set, this.link));
  }

  makeTransport(rows) {
    const buttons = this.place(rows, TRANSPORT, "buttons");
    for (const [name, key] of Object.entries(KEYS)) {
      buttons.querySelector(`[data-control="${name}"] button`)?.append(make("kbd", { "aria-hidden": "true" }, key));
    }
    const taller = make("button", { type: "button", class: "taller", "aria-label": "controls over the roll" }, "⤢");
    taller.setAttribute("aria-pressed", this.root.classList.contains("is-tall"));
    taller.addEventListener("click", () => {
      taller.setAttribute("aria-pressed", this.root.classList.toggle("is-tall"));
    });
    buttons.append(taller);
    return make("div", { class: "transport" }, buttons, this.prompt, this.learning.presses);
  }

  // The song that plays, until another one is wanted; hidden without a set-list.
  makeSongs(rows) {
    this.songRow = this.place(rows, SONGS, "songs");
    this.songPlace = make("p", { class: "song-place", role: "status" });
    this.songRow.append(this.songPlace);
    return this.songRow;
  }

  makeVoice(rows, voice) {
    const heading = make("h3", {}, voice.toUpperCase());
    const element = make(
      "div",
      { class: "voice", role: "group", "aria-label": `voice ${voice.toUpperCase()}` },
      heading,
    );
    element.style.setProperty("--voice", `var(--${voice}, var(--accent))`);
    const names = VOICE_FRONT.map((name) => `${voice}.${name}`);
    element.append(...this.place(rows, names, "").childNodes);
    this.voices.set(voice, { element, heading });
    return element;
  }

  place(rows, names, className) {
    const element = make("div", { class: className });
    for (const name of names) {
      const row = rows.get(name);
      if (!row) continue; // another version of the session
      rows.delete(name);
      const widget = this.makeWidget(row);
      this.widgets.set(name, widget);
      element.append(widget.element);
    }
    return element;
  }

  makeWidget(row) {
    if (row.names_control) return this.learning.makeWidget(row);
    const act = ACTIONS.includes(row.kind)
      ? (value) => this.act(row.name, value)
      : (value) => this.set(row.name, value);
    if (row.name in BUTTONS) return makeButtons(row, BUTTONS[row.name], act);
    const picksName = row.name === "song" || isPicker(partsOf(row.name));
    return picksName ? makePicker(row, act) : makeWidget(row, act);
  }

  act(name, value) {
    this.link.set(name, value);
    if (name === "start") this.showRunning(true);
    if (name === "stop" || name === "panic") this.showRunning(false);
  }

  show(values) {
    for (const [name, value] of Object.entries(values)) this.widgets.get(name)?.show(value);
    for (const engine of this.engines) engine.show(values);
    this.lattice?.show(values);
  }

  showSongs() {
    if (!this.songRow) return;
    this.songRow.hidden = !this.songs.names.length;
    this.widgets.get("song")?.setNames(this.songs.names);
    const isWanted = this.songs.wanted !== null;
    this.widgets.get("song")?.show(isWanted ? this.songs.next : this.songs.name);
    this.songRow.classList.toggle("is-wanted", isWanted);
    setText(this.songPlace, isWanted ? "to come" : this.songs.place);
  }

  showKnobs(knobs) {
    for (const [name, widget] of this.widgets) widget.showKnob(knobs[name]);
  }

  showGauges(gauges) {
    this.showRunning(gauges.is_running);
    this.showPlayers(gauges);
    this.showCues(gauges.cues ?? []);
    this.lattice?.showForetold(gauges.foretold ?? []);
    this.memories?.show(gauges.memories ?? []);
    for (const engine of this.engines) engine.showEngine(gauges.engines?.[engine.kind]);
    this.learning.showWaiting(gauges.learning ?? null, gauges.learning_press);
    for (const { voice, kind, widget } of this.pickers) {
      const shown = voice ? (gauges.cast?.[voice] ?? SAME) : gauges[kind];
      if (shown) widget.show(shown);
    }
  }

  showRunning(isRunning) {
    this.isRunning = isRunning;
    this.root.classList.toggle("is-running", isRunning);
    this.root.classList.toggle("is-stopped", !isRunning);
  }

  // A voice that the model lacks is silent where it is the model's. One of the player's is the model's until the
  // player's first key, and in the model's own turns.
  showPlayers({ lacks = [], model, cast = {} }) {
    for (const [voice, { element, heading }] of this.voices) {
      const isLacking = lacks.includes(voice);
      const isSilent = isLacking && this.link.values[`${voice}.role`] === "model";
      setText(heading, voice.toUpperCase() + (isSilent ? " · silent" : ""));
      heading.title = isSilent ? `the model ${cast[voice] ?? model} has no ${voice.toUpperCase()}` : "";
      const isYours = this.link.values[`${voice}.role`] === "player";
      const owner = this.score.ownerAt(this.link.position() ?? -1, voice);
      if (isYours && owner === undefined) continue; // it stays as it was
      const isLent = isYours && owner === MODEL && !isLacking;
      element.classList.toggle("is-lent", isLent);
      element.title = isLent ? "the model plays it now; it is yours while you play" : "";
    }
  }

  // Light the cues that are in force or planned.
  showCues(cues) {
    const names = new Set(cues.map(({ name }) => name));
    for (const widget of this.cues.children) widget.classList.toggle("is-given", names.has(widget.dataset.control));
  }

  showRefusal(name, reason) {
    const widget = this.widgets.get(name);
    widget?.showRefusal(reason);
    setTimeout(() => widget?.showRefusal(""), REFUSAL_MS);
  }

  // Keys of the computer that control, as those of the terminal do; the piano has the others.
  press(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.code === "Escape") {
      this.act("panic", true);
    } else if (isTyping(event.target)) {
      return;
    } else if (event.code === "Space" && !event.target.closest("button, input:not([type=range]), summary, a")) {
      this.act(this.isRunning ? "stop" : "start", true);
      event.preventDefault(); // else the page scrolls
    }
  }
}

// Where the other pages are; they open beside this one, whose keys may be held.
function makeViews() {
  const links = Object.entries(VIEWS).map(([view, words]) => {
    return make("a", { class: "view", href: `/?view=${view}`, target: "_blank", rel: "noopener" }, words);
  });
  return make("nav", { class: "views", "aria-label": "other pages" }, ...links);
}

function fold(title, content, voice) {
  const element = make("details", { class: "fold" }, make("summary", {}, title), content);
  if (voice) element.style.setProperty("--voice", `var(--${voice}, var(--accent))`);
  return element;
}

// Set controls at once, and then each at most once in so long: a finger moves more often than can be heard. The screen's
// own frames would be the measure, but they may stand still for half a second in a tab that is not in front.
function notTooOften(link) {
  const sentAt = new Map(); // by name
  const waiting = new Map(); // by name, the value that is to be sent
  function flush() {
    const values = [...waiting];
    waiting.clear();
    for (const [name, value] of values) send(name, value);
  }
  function send(name, value) {
    waiting.delete(name); // an older one
    sentAt.set(name, performance.now());
    link.set(name, value);
  }
  return (name, value) => {
    if (performance.now() - (sentAt.get(name) ?? -Infinity) >= SEND_MS) return send(name, value);
    if (!waiting.size) setTimeout(flush, SEND_MS);
    waiting.set(name, value);
  };
}

// A button that was touched lets go of the focus, so that the space bar and the arrows are the player's again. Focus
// that came by the keyboard stays, and so does that of sliders and fields, which have a use for keys.
function letGoOfFocus(root) {
  let isTouched = false;
  addEventListener("pointerdown", () => (isTouched = true), true);
  addEventListener("keydown", () => (isTouched = false), true);
  for (const type of ["click", "change"]) {
    root.addEventListener(type, ({ target }) => {
      if (isTouched && target.matches("button, summary, select, [type=radio]")) target.blur();
    });
  }
}
