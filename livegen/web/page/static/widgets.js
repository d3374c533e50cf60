// A widget for a row of the table of controls, as its kind asks: an element, and a function that shows what is in
// force.
//
// `act(value)` sets the control. The server's word is the truth: what a finger does shows while it does it, and a
// moment later what is in force shows, whether or not it is what the finger meant.

import { lightTrack, make, onPress, setText } from "./dom.js";
import { noteName } from "./score.js";

const SETTLE_MS = 300; // until what was sent has come back
const SLIDER_STEPS = 100;
const FINE_RANGE = 100; // a slider alone cannot be set to the unit over a range as wide as this
const MAX_SEGMENTS = 6; // more choices than this go in a list
const AT_ONCE = ["tap", "panic"]; // as the finger comes down: a click comes when it goes up
const PRESSED = /, pressed( twice| long)$/; // at the end of a switch's words, as livegen/rig/values.py has them

export function makeWidget(row, act) {
  const kinds = { float: slider, int: slider, bool: toggle, choice, trigger, count, name: word };
  return frame(row, (kinds[row.kind] ?? word)(row, act));
}

/** A list of names for a control that takes one; `setNames` fills it. */
export function makePicker(row, act) {
  return frame(row, picker(row, act));
}

/** A button for each word that a control may take. */
export function makeButtons(row, words, act) {
  const buttons = words.map((word) => {
    const button = make("button", { type: "button", "aria-label": `${readName(row.name)} ${word}` }, word);
    onPress(button, () => act(word));
    return button;
  });
  const label = make("span", { class: "label" }, shortName(row.name));
  const body = make("div", { class: "body", role: "group", "aria-label": readName(row.name) }, label, ...buttons);
  return frame(row, { body, show() {} });
}

// What every widget has around its body: what the control does, the knob that sets it, and why it was refused.
function frame(row, { body, ...functions }) {
  const badge = make("span", { class: "badge", hidden: true });
  const refusal = make("p", { class: "refusal", role: "alert", hidden: true });
  const description = make("p", { class: "description", id: `${row.name}:description` }, row.description);
  const attributes = { class: `widget of-${row.kind}`, "data-control": row.name, title: row.description };
  const element = make("div", attributes, body, badge, description, refusal);
  for (const each of element.querySelectorAll("input, select, button")) {
    each.setAttribute("aria-describedby", description.id);
  }
  return {
    element,
    ...functions,
    // Call it by other words than its own, which are none again where they are empty.
    rename(words) {
      setText(element.querySelector(".label, [role=switch]"), words || shortName(row.name));
      const said = words ? `${words}, ${readName(row.name)}` : readName(row.name);
      element.querySelector("[type=range], [role=switch]").setAttribute("aria-label", said);
    },
    showKnob(knob) {
      badge.hidden = !knob;
      badge.textContent = knob ? `${knob.split(" on ")[0]}${knob.match(PRESSED)?.[1] ?? ""}` : "";
      element.title = knob ? `${row.description} · ${knob} sets it` : row.description;
    },
    showRefusal(reason) {
      refusal.hidden = !reason;
      refusal.textContent = reason;
    },
  };
}

/** Name of a control as it is read: "p1.role" is "P1 role", and "p1.gan.lock" is "P1 GAN lock". */
export function readName(name) {
  const parents = name.split(".").slice(0, -1);
  return [...parents.map((each) => each.toUpperCase()), shortName(name)].join(" ");
}

// Name of a control within its voice and its kind of model.
function shortName(name) {
  return name.split(".").at(-1).replaceAll("_", " ");
}

// What a widget displays: its own while it is held and until the answer must be there, then what is in force.
export class Display {
  constructor(display) {
    this.display = display;
    this.isHeld = false;
    this.timer = 0;
  }

  show(value) {
    this.inForce = value;
    if (!this.isHeld && !this.timer) this.display(value);
  }

  hold() {
    this.isHeld = true;
  }

  letGo() {
    this.isHeld = false;
    this.settle();
  }

  settle() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = 0;
      if (!this.isHeld && this.inForce !== undefined) this.display(this.inForce);
    }, SETTLE_MS);
  }
}

function slider(row, act) {
  const step = row.kind === "int" ? 1 : niceStep((row.maximum - row.minimum) / SLIDER_STEPS);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const range = { type: "range", min: row.minimum, max: row.maximum, step, "aria-label": readName(row.name) };
  const input = make("input", range);
  const reading = make("output", { class: "reading" });
  const isFine = row.kind === "float" && row.maximum - row.minimum >= FINE_RANGE;
  const number =
    isFine && make("input", { ...range, type: "number", step: "any", "aria-label": `${readName(row.name)}, exactly` });
  const isPitch = row.unit === "MIDI key" || (row.unit === "note" && !row.name.startsWith("no.")); // noise has none
  const say = (value) => {
    if (isPitch) return `${noteName(value)} · ${value}`;
    return `${Number(value.toFixed(digits + 1))}${row.unit ? ` ${row.unit}` : ""}`;
  };
  const display = new Display((value) => {
    input.value = value;
    paint(value);
    if (number && document.activeElement !== number) number.value = Number(value.toFixed(3));
  });
  function paint(value) {
    reading.textContent = number ? row.unit : say(value);
    input.setAttribute("aria-valuetext", say(value));
    lightTrack(input, value);
  }
  function choose(value) {
    paint(value);
    if (number) number.value = value;
    act(value);
    display.settle();
  }
  function reset() {
    input.value = row.default;
    choose(row.default);
  }
  display.display(row.default); // until the server has spoken
  input.addEventListener("pointerdown", () => display.hold());
  for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
    input.addEventListener(end, () => display.isHeld && display.letGo());
  }
  input.addEventListener("input", () => choose(Number(input.value)));
  input.addEventListener("dblclick", reset);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Delete") return;
    event.preventDefault();
    reset();
  });
  number?.addEventListener?.("change", () => {
    if (!number.value.trim() || !number.checkValidity()) return display.settle();
    input.value = number.value;
    choose(Number(number.value));
  });
  const head = make("div", { class: "head" }, make("span", { class: "label" }, shortName(row.name)));
  head.append(...(number ? [number] : []), reading);
  return { body: make("div", { class: "body" }, head, input), show: (value) => display.show(value) };
}

// The nearest 1, 2 or 5 times a power of ten that is not over a step.
function niceStep(step) {
  const power = 10 ** Math.floor(Math.log10(step) + 1e-9);
  const digit = [5, 2, 1].find((each) => each * power <= step * (1 + 1e-9));
  return Number((digit * power).toPrecision(1));
}

function toggle(row, act) {
  const button = make(
    "button",
    { type: "button", role: "switch", "aria-label": readName(row.name) },
    shortName(row.name),
  );
  const display = new Display((value) => button.setAttribute("aria-checked", value));
  display.display(row.default);
  button.addEventListener("click", () => {
    const value = button.getAttribute("aria-checked") !== "true";
    display.display(value);
    act(value);
    display.settle();
  });
  return { body: button, show: (value) => display.show(value) };
}

function choice(row, act) {
  const label = make("span", { class: "label" }, shortName(row.name));
  if (row.choices.length > MAX_SEGMENTS) {
    const select = make("select", { "aria-label": readName(row.name) });
    select.append(...row.choices.map((each) => make("option", { value: each }, each.replaceAll("_", " "))));
    const display = new Display((value) => (select.value = value));
    display.display(row.default);
    select.addEventListener("change", () => {
      act(select.value);
      display.settle();
    });
    return { body: make("label", { class: "body" }, label, select), show: (value) => display.show(value) };
  }
  const group = make("div", { class: "segments", role: "radiogroup", "aria-label": readName(row.name) });
  const radios = row.choices.map((value) => {
    const radio = make("input", { type: "radio", name: row.name, value });
    radio.addEventListener("change", () => {
      act(value);
      display.settle();
    });
    group.append(make("label", { class: "segment", "data-choice": value }, radio, make("span", {}, value)));
    return radio;
  });
  const display = new Display((value) => {
    for (const radio of radios) radio.checked = radio.value === value;
  });
  display.display(row.default);
  return { body: make("div", { class: "body" }, label, group), show: (value) => display.show(value) };
}

function trigger(row, act) {
  const button = make("button", { type: "button", "aria-label": readName(row.name) }, shortName(row.name));
  onPress(button, () => act(true), AT_ONCE.includes(row.name));
  return { body: button, show() {} };
}

function count(row, act) {
  const number = make("input", {
    type: "number",
    inputmode: "numeric",
    min: row.minimum,
    max: row.maximum,
    step: 1,
    value: row.default,
    "aria-label": `${readName(row.name)}, how many ${row.unit}`,
  });
  const button = make(
    "button",
    { type: "button", class: "does", "aria-label": readName(row.name) },
    shortName(row.name),
  );
  onPress(button, () => act(number.checkValidity() && number.value ? Number(number.value) : row.default));
  number.addEventListener("keydown", (event) => event.key === "Enter" && button.click());
  const body = make("div", { class: "body joined" }, button, number, make("span", { class: "reading" }, row.unit));
  return { body, show() {} };
}

// A word that is typed; empty only where the table has it so.
function word(row, act) {
  const field = make("input", {
    type: "text",
    maxlength: 32,
    autocomplete: "off",
    placeholder: row.default || "name",
    "aria-label": `${readName(row.name)}, its name`,
  });
  const button = make(
    "button",
    { type: "button", class: "does", "aria-label": readName(row.name) },
    shortName(row.name),
  );
  onPress(button, () => act(field.value.trim() || row.default));
  field.addEventListener("keydown", (event) => event.key === "Enter" && button.click());
  return { body: make("div", { class: "body joined" }, button, field), show() {} };
}

function picker(row, act) {
  const select = make("select", { "aria-label": readName(row.name) });
  let names = [];
  let inForce = "";
  function fill() {
    const all = inForce && !names.includes(inForce) ? [inForce, ...names] : names;
    const none = make("option", { value: "", disabled: true, hidden: true }, "choose");
    select.replaceChildren(none, ...all.map((name) => make("option", { value: name }, name.replaceAll("_", " "))));
    select.value = inForce;
  }
  const display = new Display((value) => {
    inForce = value;
    fill();
  });
  fill();
  select.addEventListener("change", () => {
    act(select.value);
    display.settle();
  });
  return {
    body: make("label", { class: "body" }, make("span", { class: "label" }, shortName(row.name)), select),
    setNames(all) {
      names = all;
      fill();
    },
    show(value) {
      if (value !== display.inForce) display.show(value); // a list that is open must not be filled again and again
    },
  };
}
