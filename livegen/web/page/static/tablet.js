// The stage view, for a tablet beside the performer: the song and the next one, the time, the beat, and cues as buttons
// that a finger finds without looking. A press counts as the finger comes down.

import { keepAwake } from "./awake.js";
import { mountAway } from "./away.js";
import { make, onPress, setText } from "./dom.js";
import { Fitted } from "./fit.js";
import { Link, lineTo } from "./link.js";
import { mountNotices } from "./notices.js";
import { Pace } from "./pace.js";
import { Score, VOICES } from "./score.js";
import { mountSet } from "./set.js";
import { Songs } from "./songs.js";
import { TempoGauge } from "./tempo.js";
import { clockText } from "./words.js";

// The buttons, in groups of one line each: what each sets, with a voice where it is of one, and its words.
const KEYS = {
  songs: [["previous"], ["next"]],
  transport: [["start"], ["start", "count in"], ["stop"]],
  cues: [["fill"], ["break"], ["drop"], ["build"]],
  solos: [...VOICES.map((voice) => ["solo", `solo ${voice.toUpperCase()}`, voice]), ["tutti"]],
  ends: [["end"], ["undo"]],
};

const NO_CUES = ["previous", "next", "start", "stop", "undo"];
const NOTES = { planned: "to come", now: "now" };

const part = (name) => document.getElementById(name);
const link = new Link(lineTo("stage"));
const score = new Score(link);
const songs = new Songs(link);

// A button, and the line under its word, which says more of it or that it is planned.
class Key {
  constructor(control, words = control, voice) {
    this.control = control;
    this.voice = voice;
    this.isCount = control === "start" && words !== "start";
    this.note = make("small", { "aria-hidden": true });
    const attributes = { type: "button", "data-control": control, "data-voice": voice, "aria-label": words };
    this.element = make("button", attributes, make("span", {}, voice ? voice.toUpperCase() : words), this.note);
    if (voice) this.element.style.setProperty("--voice", `var(--${voice})`);
    onPress(this.element, () => link.set(control, this.value), true);
  }

  get row() {
    return link.hello?.table.find(({ name }) => name === this.control);
  }

  get value() {
    if (this.isCount) return link.values.beats_a_bar ?? 4;
    return this.voice ?? (this.row?.kind === "count" ? this.row.default : true);
  }

  // What is to be read of it while it is not lit.
  get more() {
    if (this.isCount) return `${this.value} beats`;
    if (this.voice) return this.control;
    if (this.row?.kind !== "count") return "";
    return this.value === 1 ? "1 bar" : `${this.value} ${this.row.unit}`;
  }

  // Say that it is "planned" or in force "now", or neither.
  light(state, note = NOTES[state] ?? this.more) {
    setText(this.note, note);
    if (this.element.dataset.state === state) return;
    this.element.dataset.state = state;
    this.element.setAttribute("aria-pressed", state !== "");
  }
}

const keys = Object.entries(KEYS).flatMap(([name, specs]) => {
  const made = specs.map((spec) => new Key(...spec));
  part("keys").append(make("div", { class: name }, ...made.map(({ element }) => element)));
  return made;
});
const key = (name, isCount = false) => keys.find((each) => each.control === name && each.isCount === isCount);
const cueKeys = keys.filter(({ control }) => !NO_CUES.includes(control));
const panic = new Key("panic");
const clock = make("p", { class: "clock" });
const setButton = mountSet(part("set"), link, songs);
part("top").append(panic.element, clock, setButton);
const name = new Fitted(part("name"));
const next = new Fitted(part("next"));
const tempo = new TempoGauge(part("beat"), link, score);
const state = part("beat").appendChild(make("p", { class: "state", role: "status" }));
const times = { song: addTime("song"), session: addTime("session") };

function addTime(words) {
  const value = make("b", {}, "0:00");
  const element = part("times").appendChild(make("p", { class: `time of-${words}` }, make("span", {}, words), value));
  return { element, value };
}

function showSongs() {
  const title = songs.name || link.hello?.name || "livegen";
  name.show(title);
  document.title = title === "livegen" ? title : `${title} · livegen`;
  showNext();
  key("next").element.disabled = !songs.hasNext;
  key("previous").element.disabled = !songs.hasPrevious;
  times.song.element.hidden = !songs.names.length;
}

function showNext() {
  part("next").dataset.wanted = songs.wanted !== null;
  if (!songs.names.length) next.show("");
  else if (songs.wanted !== null) next.show(`${songs.next}, ${songs.when}`);
  else next.show(songs.next ? `next: ${songs.next}` : "the last song");
}

function showCues(cues) {
  const now = link.position() ?? Infinity;
  for (const each of cueKeys) {
    const cue = cues.find((cue) => cue.name === each.control && (!each.voice || cue.voice === each.voice));
    each.light(!cue ? "" : cue.begin === null || cue.begin > now ? "planned" : "now");
  }
}

function showGauges(gauges) {
  const { is_running: isRunning, count_in: beats = null, cues = [] } = gauges;
  const isCounting = beats !== null;
  setText(state, isCounting ? "counting" : isRunning ? "playing" : "stopped");
  state.dataset.state = state.textContent;
  key("start").light(isRunning ? "now" : "", "");
  key("start", true).light(isCounting ? "now" : "", isCounting ? String(beats) : undefined);
  key("start", true).element.disabled = isRunning; // it would be refused
  key("stop").light(isRunning || isCounting ? "" : "now", "");
  showCues(cues);
  showNext(); // since it says when the song that is wanted begins
  setText(times.song.value, clockText(gauges.song_seconds ?? 0));
  setText(times.session.value, clockText(gauges.seconds));
  tempo.hear(gauges.tempo);
}

function showClock() {
  const now = new Date();
  setText(clock, [now.getHours(), now.getMinutes()].map((each) => String(each).padStart(2, "0")).join(":"));
}

// A key of the keyboard that is held down presses once.
addEventListener("keydown", (event) => event.repeat && ["Enter", " "].includes(event.key) && event.preventDefault());
document.addEventListener("touchstart", () => {}, { passive: true }); // or Safari shows no press
mountAway(part("away"), link);
mountNotices(part("notices"), link);
songs.onChange(showSongs);
link.on("hello", showSongs);
link.on("gauges", showGauges);
setInterval(showClock, 500);
showClock();
showSongs();
keepAwake();
const pace = new Pace();
pace.run(link, (ms) => tempo.move(ms));
window.livegen = pace; // for tests, as on the stage page
window.livegen.link = link;
link.open();
