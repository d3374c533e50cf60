// Two pads, each with a handle that moves two latents of a model at once, one across and one up.
//
// The performer chooses which latents, by their names, and the browser remembers it. A latent that the model in force
// lacks is replaced by one that nothing else moves, until a model that has it is back.

import { make, setText } from "./dom.js";
import { Display } from "./widgets.js";

const STORE = "livegen.xy"; // in the browser's own storage
const WISHES = ["density", "register", "syncopation", "drums"];
const AXES_A_PAD = 2;
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] }; // axis and direction
const WAYS = ["across", "up"];
const SIGNS = ["→", "↑"];
const KEY_STEP = 0.05; // of a latent, whose spread among songs is 1
const DIGITS = 2;

export class XyPads {
  /**
   * @param {object[]} rows of the controls of the latents, in their order
   * @param {(name: string, value: number) => void} set sets a control, not too often
   */
  constructor(rows, set) {
    this.rows = rows;
    this.set = set;
    this.values = new Map(rows.map((row) => [row.name, row.default])); // in force
    this.latents = [];
    this.axes = wishes().map((wished, index) => this.makeAxis(wished, index));
    this.pads = [];
    for (let first = 0; first < this.axes.length; first += AXES_A_PAD) {
      this.pads.push(this.makePad(this.axes.slice(first, first + AXES_A_PAD)));
    }
    this.element = make("div", { class: "xy-pads" }, ...this.pads.map(({ element }) => element));
    this.element.hidden = true;
  }

  /** Take in what the latents of the models in force are called; there is no pad where there are none. */
  name(latents) {
    this.latents = latents.slice(0, this.rows.length);
    this.element.hidden = !this.latents.length;
    this.assign();
  }

  /** Show controls that are in force. */
  show(values) {
    for (const { name } of this.rows) if (name in values) this.values.set(name, values[name]);
    for (const axis of this.axes) if (axis.row?.name in values) axis.display.show(values[axis.row.name]);
  }

  makeAxis(wished, index) {
    const way = index % AXES_A_PAD;
    const axis = { wished, way, row: null };
    axis.input = make("input", { type: "range", step: KEY_STEP });
    axis.reading = make("output", { class: `reading ${WAYS[way]}` });
    const label = `what pad ${1 + Math.floor(index / AXES_A_PAD)} moves ${WAYS[way]}`;
    axis.select = make("select", { "aria-label": label, title: label });
    axis.display = new Display((value) => axis.row && paint(axis, value));
    axis.input.addEventListener("input", () => this.move(axis, Number(axis.input.value)));
    axis.select.addEventListener("change", () => this.choose(axis, axis.select.value));
    return axis;
  }

  makePad(axes) {
    const knob = make("i");
    const surface = make("div", { class: "surface" }, ...axes.flatMap(({ reading, input }) => [reading, input]), knob);
    const choices = axes.map(({ select, way }) =>
      make("div", { class: "axis" }, make("span", { "aria-hidden": "true" }, SIGNS[way]), select),
    );
    const element = make("div", { class: "xy", role: "group" }, surface, ...choices);
    let finger = null; // the only one that holds the handle
    let room = null; // of the handle's middle, which is under the finger: measured once, for it costs a layout
    const measure = () => {
      const { left, top, width, height } = surface.getBoundingClientRect();
      const size = knob.getBoundingClientRect().width;
      room = { left: left + size / 2, top: top + size / 2, width: width - size, height: height - size };
    };
    const drag = ({ clientX, clientY }) => {
      const shares = [(clientX - room.left) / room.width, 1 - (clientY - room.top) / room.height];
      axes.forEach((axis, way) => axis.row && this.move(axis, valueAt(axis.row, shares[way])));
    };
    surface.addEventListener("pointerdown", (event) => {
      if (finger !== null || event.button !== 0) return;
      finger = event.pointerId;
      surface.setPointerCapture(finger);
      for (const { display } of axes) display.hold();
      measure();
      drag(event);
    });
    surface.addEventListener("pointermove", (event) => event.pointerId === finger && drag(event));
    surface.addEventListener("lostpointercapture", (event) => {
      if (event.pointerId !== finger) return;
      finger = null;
      for (const { display } of axes) display.letGo();
    });
    surface.addEventListener("dblclick", () => this.reset(axes));
    surface.addEventListener("keydown", (event) => {
      const [way, direction] = ARROWS[event.key] ?? [];
      if (event.key === "Delete") this.reset(axes);
      else if (axes[way]?.row) this.move(axes[way], Number(axes[way].input.value) + direction * KEY_STEP);
      else return;
      event.preventDefault();
    });
    return { element, axes };
  }

  // Give each axis the latent that it is wished to move, or one that no other moves.
  assign() {
    const free = this.latents.filter((latent) => !this.axes.some(({ wished }) => wished === latent));
    for (const axis of this.axes) {
      const latent = this.latents.includes(axis.wished) ? axis.wished : free.shift();
      axis.row = latent === undefined ? null : this.rows[this.latents.indexOf(latent)];
      axis.latent = latent ?? "";
      axis.input.disabled = axis.select.disabled = !axis.row;
      axis.select.replaceChildren(...this.latents.map((name) => make("option", { value: name }, name)));
      axis.select.value = axis.latent;
      if (!axis.row) continue;
      [axis.input.min, axis.input.max] = [axis.row.minimum, axis.row.maximum];
      axis.input.setAttribute("aria-label", `${axis.latent}, ${WAYS[axis.way]}`);
      axis.display.show(this.values.get(axis.row.name));
      paint(axis, this.values.get(axis.row.name)); // at once: what shows until then is another latent
    }
    for (const { element, axes } of this.pads) {
      const moved = axes.filter(({ row }) => row).map(({ latent, way }) => `${latent} ${WAYS[way]}`);
      element.hidden = !moved.length;
      element.setAttribute("aria-label", `pad: ${moved.join(", ")}`);
    }
  }

  // An axis takes a latent; the one that had it before takes the other's.
  choose(axis, latent) {
    const other = this.axes.find((each) => each.latent === latent);
    if (other) other.wished = axis.latent;
    axis.wished = latent;
    remember(this.axes.map(({ wished }) => wished));
    this.assign();
  }

  move(axis, value) {
    const { row, display } = axis;
    const clamped = Number(Math.min(Math.max(value, row.minimum), row.maximum).toFixed(DIGITS));
    paint(axis, clamped);
    this.set(row.name, clamped);
    display.settle();
  }

  reset(axes) {
    for (const axis of axes) if (axis.row) this.move(axis, axis.row.default);
  }
}

function valueAt({ minimum, maximum }, share) {
  return minimum + share * (maximum - minimum);
}

function paint(axis, value) {
  const { row, input, reading, latent, way } = axis;
  const text = value.toFixed(DIGITS).replace("-", "−");
  input.value = value;
  input.setAttribute("aria-valuetext", `${latent} ${text}`);
  setText(reading, text);
  const share = (value - row.minimum) / (row.maximum - row.minimum);
  input.parentElement.style.setProperty(way ? "--up" : "--across", share);
}

// The latents that the axes are wished to move. A browser may keep nothing, or what something else has left there.
function wishes() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE));
    const isWhole = kept?.length === WISHES.length && kept.every((name) => typeof name === "string");
    return isWhole ? kept : WISHES;
  } catch {
    return WISHES;
  }
}

function remember(names) {
  try {
    localStorage.setItem(STORE, JSON.stringify(names));
  } catch {
    // it holds for this page alone
  }
}
