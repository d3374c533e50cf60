// Web MIDI: keyboards and knobs at the performer's browser, which play as if they were at the session's machine.

import { make } from "./dom.js";

const NOTE_OFF = 0x80;
const NOTE_ON = 0x90;
const CONTROL_CHANGE = 0xb0;
const SUSTAIN = 64;

/** Why there is no MIDI at this page, in words; empty where there is. */
export function whyNoMidi() {
  if (navigator.requestMIDIAccess) return "";
  const why = isSecureContext
    ? "this browser has no Web MIDI, as Chrome and Firefox on a computer have"
    : "browsers give it to pages of localhost or by https alone";
  return `no MIDI: ${why}. Plug the keyboard into the machine that plays`;
}

/**
 * A button beside the piano, and a panel that it opens; where there is no MIDI, words that say so.
 *
 * @param {HTMLElement} toolbar
 * @param {import("./held.js").HeldNotes} notes
 * @param {import("./link.js").Link} link
 */
export function mountMidi(toolbar, notes, link) {
  if (whyNoMidi()) {
    toolbar.append(make("p", { class: "no-midi", title: whyNoMidi() }, "no MIDI here"));
    return;
  }
  const inputs = new Map(); // by id, those that are heard
  const pedals = new Set(); // "id:channel" of those that are down
  const list = make("ul", { class: "ports" });
  const sentence = make("p", { role: "status" });
  const open = make(
    "button",
    { type: "button", class: "midi", "aria-expanded": false, "aria-controls": "midi-ports" },
    "MIDI",
  );
  const panel = make("div", { class: "midi-panel", id: "midi-ports", hidden: true }, sentence, list);
  toolbar.append(open);
  toolbar.after(panel);

  let access = null;
  open.addEventListener("click", async () => {
    panel.hidden = !panel.hidden;
    open.setAttribute("aria-expanded", !panel.hidden);
    if (panel.hidden || access) return;
    sentence.textContent = "The browser asks whether this page may hear your MIDI keyboards.";
    try {
      access = await navigator.requestMIDIAccess();
      access.addEventListener("statechange", follow);
      follow();
    } catch (error) {
      sentence.textContent = `The browser lets this page hear no MIDI (${error.name}): allow it beside the address.`;
    }
  });

  // Hear every input that is there, and let go of what one held that is not there any more.
  function follow() {
    const present = [...access.inputs.values()].filter(({ state }) => state === "connected");
    for (const id of [...inputs.keys()]) if (!present.some((port) => port.id === id)) lose(id);
    for (const port of present) {
      if (inputs.has(port.id)) continue;
      inputs.set(port.id, port);
      port.onmidimessage = ({ data }) => hear(port.id, data);
    }
    draw();
  }

  function lose(id) {
    inputs.get(id).onmidimessage = null;
    inputs.delete(id);
    notes.releaseAll(`midi:${id}:`);
    for (const pedal of [...pedals].filter((each) => each.startsWith(`${id}:`))) {
      pedals.delete(pedal);
      link.send("midi", { data: [CONTROL_CHANGE | Number(pedal.slice(id.length + 1)), SUSTAIN, 0] });
    }
  }

  // Only messages of channels: a clock would quarrel with the session's own, and nobody here reads the rest.
  function hear(id, data) {
    const status = data[0] & 0xf0;
    const channel = data[0] & 0x0f;
    if (data[0] < NOTE_OFF || data[0] >= 0xf0) return;
    const holder = `midi:${id}:${channel}:${data[1]}`;
    if (status === NOTE_ON && data[2] > 0) {
      notes.press(holder, channel, data[1], data[2]);
    } else if (status === NOTE_ON || status === NOTE_OFF) {
      notes.release(holder);
    } else {
      if (status === CONTROL_CHANGE && data[1] === SUSTAIN) pedals[data[2] < 64 ? "delete" : "add"](`${id}:${channel}`);
      link.send("midi", { data: [...data] });
    }
    list.querySelector(`[data-port="${CSS.escape(id)}"]`)?.animate([{ opacity: 0.4 }, { opacity: 1 }], 150);
  }

  function draw() {
    const ports = [...access.inputs.values()];
    sentence.textContent = ports.length
      ? "Heard by this page:"
      : "No MIDI keyboard is there: plug one in, and it plays.";
    list.replaceChildren(
      ...ports.map((port) => {
        const is = port.state === "connected" ? "plays" : "unplugged";
        return make("li", { "data-port": port.id }, `${port.name ?? "a keyboard without a name"}: ${is}`);
      }),
    );
    const n = inputs.size;
    open.textContent = n ? `MIDI ${n}` : "MIDI";
  }
}
