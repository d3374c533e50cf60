// The piano: keys for fingers and mouse, and the computer keyboard as the same keys, in FamiTracker's rows.

import { isTyping, lightTrack, make, setText } from "./dom.js";
import { HeldNotes } from "./held.js";
import { noteName } from "./score.js";
import { mountMidi } from "./webmidi.js";

// By their place on the keyboard, whatever letters the user's layout has there: semitones over the lower row's C.
const LOWER_ROW = "KeyZ KeyS KeyX KeyD KeyC KeyV KeyG KeyB KeyH KeyN KeyJ KeyM Comma KeyL Period".split(" ");
const UPPER_ROW =
  "KeyQ Digit2 KeyW Digit3 KeyE KeyR Digit5 KeyT Digit6 KeyY Digit7 KeyU KeyI Digit9 KeyO Digit0 KeyP".split(" ");
const OFFSETS = new Map([...LOWER_ROW.map((code, i) => [code, i]), ...UPPER_ROW.map((code, i) => [code, 12 + i])]);
const PUNCTUATION = { Comma: ",", Period: "." };

// As livegen/score.py has the voices' MIDI channels, from 0; with the octave where each is at home.
const CHANNELS = [
  { channel: 0, name: "your voice", octave: 4 },
  { channel: 1, name: "P2", voice: "p2", octave: 4 },
  { channel: 2, name: "TR bass", voice: "tr", octave: 3 },
  { channel: 9, name: "NO drums", voice: "no", octave: 2 },
];
// Drums by General MIDI key, those that livegen/score.py has.
const DRUMS = new Map([
  ...[35, 36].map((key) => [key, "kick"]),
  ...[38, 40].map((key) => [key, "snare"]),
  [39, "clap"],
  ...[41, 43, 45, 47, 48, 50].map((key) => [key, "tom"]),
  ...[42, 44].map((key) => [key, "hat"]),
  [46, "open"],
  ...[49, 52, 55, 57].map((key) => [key, "crash"]),
  ...[51, 53, 59].map((key) => [key, "ride"]),
]);

const LOWEST_OCTAVE = 1;
const HIGHEST_OCTAVE = 7;
const VELOCITY_STEP = 10;
const SOFTEST = 0.5; // at the top end of a key, times the velocity that is set; 1.2 at its lower end
const LOUDEST = 1.2;
const LEAST_KEY_PX = 40;
const [FEWEST_WHITE, MOST_WHITE] = [8, 22];
const WHITE = [0, 2, 4, 5, 7, 9, 11];
const CLICK_MS = 300; // how long a note lasts that a screen reader presses

/**
 * @param {HTMLElement} root
 * @param {import("./link.js").Link} link
 */
export function mountPiano(root, link) {
  const notes = new HeldNotes(link);
  const piano = new Piano(root, link, notes);
  mountMidi(piano.toolbar, notes, link);
  link.on("keys", ({ keys }) => piano.light(keys));
  link.on("values", () => piano.drawRole());
  link.on("state", () => link.state === "here" || piano.light([])); // who is not there holds nothing
}

class Piano {
  constructor(root, link, notes) {
    this.link = link;
    this.notes = notes;
    this.choice = CHANNELS[0];
    this.octaves = new Map(CHANNELS.map(({ channel, octave }) => [channel, octave]));
    this.lit = new Set();
    this.letters = new Map(); // by code, where the browser tells them
    this.keys = make("div", { class: "keys", role: "group", "aria-label": "piano" });
    this.toolbar = make("div", { class: "toolbar" }, ...this.makeTools());
    this.help = make("p", { class: "help" });
    this.toolbar.append(this.help);
    root.append(this.toolbar, this.keys);
    notes.onChange(() => this.drawHeld());
    new ResizeObserver(() => this.fit()).observe(this.keys);
    this.listenToPointers();
    this.listenToComputer();
    this.learnLetters();
    this.drawRole();
  }

  get octave() {
    return this.octaves.get(this.choice.channel);
  }

  set octave(octave) {
    this.octaves.set(this.choice.channel, Math.min(Math.max(octave, LOWEST_OCTAVE), HIGHEST_OCTAVE));
    this.drawLabels();
  }

  get lowest() {
    return 12 * (this.octave + 1);
  }

  makeTools() {
    const octave = (text, step, key) => {
      const label = { type: "button", "aria-label": `octave ${step < 0 ? "down" : "up"}`, title: `or the key ${key}` };
      return make("button", { ...label, onclick: () => (this.octave += step) }, text);
    };
    this.reading = make("output", { "aria-label": "lowest key" });
    const octaves = make("div", { class: "octaves" }, octave("−", -1, "←"), this.reading, octave("+", 1, "→"));
    const channels = make("select", { "aria-label": "what the keys play", title: "what the keys play" });
    channels.append(...CHANNELS.map(({ name }, index) => make("option", { value: index }, name)));
    channels.addEventListener("change", () => {
      this.choice = CHANNELS[channels.value];
      channels.blur(); // so that letters play
      this.drawLabels();
      this.drawRole();
    });
    const range = {
      type: "range",
      min: 1,
      max: 127,
      value: 100,
      "aria-label": "velocity",
      title: "or the keys - and =",
    };
    this.velocity = make("input", { ...range, oninput: () => lightTrack(this.velocity) });
    lightTrack(this.velocity);
    this.owner = make("span", { class: "more-words" });
    const take = { type: "button", class: "take", hidden: true, onclick: () => this.takeVoice() };
    this.take = make("button", take, this.owner, "take it");
    return [octaves, channels, make("label", { class: "velocity" }, "velocity", this.velocity), this.take];
  }

  // A voice that the model plays does not hear its channel: offer to take it.
  drawRole() {
    const { voice } = this.choice;
    const role = voice && this.link.values[`${voice}.role`];
    const isTaken = !role || role === "player";
    this.take.hidden = isTaken;
    if (!isTaken) setText(this.owner, `${voice.toUpperCase()} is ${role === "off" ? "off" : "the model’s"}: `);
  }

  takeVoice() {
    this.link.set(`${this.choice.voice}.role`, "player");
    this.take.blur();
  }

  // As many white keys as fingers can meet.
  fit() {
    const { width } = this.keys.getBoundingClientRect();
    const n = Math.min(Math.max(Math.floor(width / LEAST_KEY_PX), FEWEST_WHITE), MOST_WHITE);
    if (!width || n === this.nWhite) return;
    this.nWhite = n;
    this.notes.releaseAll("finger:");
    const offset = (white) => 12 * Math.floor(white / 7) + WHITE[white % 7];
    const keys = [];
    for (let white = 0; white < n; white++) {
      keys.push(this.makeKey(offset(white), "white", white / n, 1 / n));
      if (white < n - 1 && offset(white + 1) - offset(white) === 2) {
        keys.push(this.makeKey(offset(white) + 1, "black", (white + 0.69) / n, 0.62 / n));
      }
    }
    this.keys.replaceChildren(...keys);
    this.drawLabels();
  }

  makeKey(offset, colour, left, width) {
    const key = make("button", { type: "button", tabindex: -1, class: `key ${colour}`, "data-offset": offset });
    key.style.left = `${100 * left}%`;
    key.style.width = `${100 * width}%`;
    key.addEventListener("click", ({ detail }) => {
      if (detail !== 0) return; // a finger, which has played already
      const holder = `click:${offset}`;
      this.notes.press(holder, this.choice.channel, this.lowest + offset, this.velocity.value);
      setTimeout(() => this.notes.release(holder), CLICK_MS);
    });
    key.append(make("span", { class: "letter" }), make("span", { class: "name" }));
    return key;
  }

  drawLabels() {
    const lettersOf = (offset) =>
      [...OFFSETS].filter(([, each]) => each === offset).map(([code]) => this.letterOf(code));
    for (const key of this.keys.children) {
      const offset = Number(key.dataset.offset);
      const note = this.lowest + offset;
      const letters = lettersOf(offset);
      key.disabled = note > 127;
      key.firstChild.textContent = letters.at(-1) ?? "";
      key.setAttribute(
        "aria-label",
        `${this.drum(note) ?? noteName(note)}${letters.length ? `, key ${letters.join(" or ")}` : ""}`,
      );
    }
    this.reading.textContent = noteName(this.lowest);
    const [low, high] = [this.letterOf("KeyZ"), this.letterOf("KeyM")];
    const [from, to] = [this.letterOf("KeyQ"), this.letterOf("KeyP")];
    this.help.replaceChildren(
      make("b", {}, "Play: "),
      make(
        "span",
        { class: "with-keys" },
        `type ${low}…${high} and ${from}…${to}, or touch the keys · ← → octave · - and = velocity`,
      ),
      make("span", { class: "with-fingers" }, "touch the keys; nearer to you is louder"),
    );
    this.drawHeld();
  }

  // The name of the drum that a note plays, if it plays one.
  drum(note) {
    return this.choice.voice === "no" ? DRUMS.get(note) : undefined;
  }

  letterOf(code) {
    return (this.letters.get(code) ?? PUNCTUATION[code] ?? code.replace(/^Key|^Digit/, "")).toUpperCase();
  }

  async learnLetters() {
    try {
      this.letters = await navigator.keyboard.getLayoutMap();
      this.drawLabels();
    } catch {
      // not a secure origin, or another browser: the letters of the United States
    }
  }

  light(keys) {
    this.lit = new Set(keys);
    this.drawHeld();
  }

  drawHeld() {
    if (this.notes.byHolder.size) this.help.classList.add("is-understood");
    const { channel } = this.choice;
    for (const key of this.keys.children) {
      const note = this.lowest + Number(key.dataset.offset);
      const isDown = this.notes.holds(channel, note);
      const isLit = this.lit.has(note);
      key.classList.toggle("is-down", isDown);
      key.classList.toggle("is-lit", isLit);
      setText(key.lastChild, this.drum(note) ?? (note % 12 === 0 || isDown || isLit ? noteName(note) : ""));
    }
  }

  listenToPointers() {
    const play = (event) => {
      const key = document.elementFromPoint(event.clientX, event.clientY)?.closest(".key");
      const holder = `finger:${event.pointerId}`;
      const offset = key && this.keys.contains(key) ? key.dataset.offset : null;
      if (this.fingers.get(event.pointerId) === offset) return;
      this.fingers.set(event.pointerId, offset);
      if (offset === null) return this.notes.release(holder);
      const { top, height } = key.getBoundingClientRect();
      const depth = Math.min(Math.max((event.clientY - top) / height, 0), 1);
      const velocity = this.velocity.value * (SOFTEST + (LOUDEST - SOFTEST) * depth);
      this.notes.press(holder, this.choice.channel, this.lowest + Number(offset), velocity);
    };
    const end = ({ pointerId }) => {
      this.fingers.delete(pointerId);
      this.notes.release(`finger:${pointerId}`);
    };
    this.fingers = new Map(); // by pointer, the offset of the key that it is on, or null beside all keys
    this.keys.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      document.activeElement?.blur(); // letters are music again
      this.keys.setPointerCapture(event.pointerId);
      play(event);
    });
    this.keys.addEventListener("pointermove", (event) => {
      if (!this.fingers.has(event.pointerId)) return;
      if (event.pointerType === "mouse" && !(event.buttons & 1))
        end(event); // its release was never told
      else play(event);
    });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) this.keys.addEventListener(type, end);
    // A press takes no focus and a long touch opens no menu. (Not by the pointerdown: of two fingers that come down
    // together, Firefox would forget the second one.)
    for (const type of ["mousedown", "contextmenu"])
      this.keys.addEventListener(type, (event) => event.preventDefault());
    const releaseAll = () => {
      this.fingers.clear();
      this.notes.releaseAll("finger:");
      this.notes.releaseAll("key:");
    };
    addEventListener("blur", releaseAll);
    addEventListener("pagehide", releaseAll);
    document.addEventListener("visibilitychange", releaseAll);
  }

  listenToComputer() {
    addEventListener("keydown", (event) => {
      if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const { code } = event;
      if (OFFSETS.has(code)) {
        this.notes.press(`key:${code}`, this.choice.channel, this.lowest + OFFSETS.get(code), this.velocity.value);
      } else if (event.target.matches("input")) {
        return; // a slider has a use for arrows
      } else if (code === "ArrowLeft" || code === "ArrowRight") {
        this.octave += code === "ArrowRight" ? 1 : -1;
      } else if (code === "Minus" || code === "Equal") {
        this.velocity.value = Number(this.velocity.value) + (code === "Equal" ? VELOCITY_STEP : -VELOCITY_STEP);
        lightTrack(this.velocity);
      } else {
        return;
      }
      event.preventDefault(); // some browsers look for what is typed
    });
    addEventListener("keyup", ({ code, key }) => {
      if (key === "Meta")
        this.notes.releaseAll("key:"); // macOS tells of no key that comes up beside it
      else this.notes.release(`key:${code}`);
    });
  }
}
