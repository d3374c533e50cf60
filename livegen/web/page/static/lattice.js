// The lattice of chords, the Tonnetz: triangles that glow with what sounds and, paler, with what is planned. A touch lets
// a chord lead the model, a finger that goes on draws the path that follows beat by beat. So do the chords glow that a
// model leads by, as far ahead as it plans.
//
// A row of corners goes up by fifths, from one row up to the next by major thirds. So a triangle that points up is a
// major triad, and one that points down a minor one.

import { make, onPress, setText } from "./dom.js";
import { NOISE } from "./score.js";

const KEYS = ["c", "c#", "d", "d#", "e", "f", "f#", "g", "g#", "a", "a#", "b"];
const SHOWN = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const FIFTH = 7;
const THIRD = 4;
const FIRST = 5; // F stands at the bottom left: so all twelve triads of each kind have a place
const COLUMNS = 5; // of triangles that point up, in each row
const ROWS = 3;
const SIDE = 60; // of a triangle, in units of the drawing
const RISE = (SIDE * Math.sqrt(3)) / 2;
const MARGIN = 16;
const CORNER = 13;
const GLOW_FRAMES = 12; // what sounded, or is planned, within so many frames glows
const SVG = "http://www.w3.org/2000/svg";
const CHORD = "tonnetz.chord";
const NONE = "none";

export const MOVES = ["tonnetz.p", "tonnetz.l", "tonnetz.r"];
export const LATTICE = [CHORD, "tonnetz.move", "tonnetz.path", "chord_pull", "chord_from"];

const drawn = (tag, attributes, ...children) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const nameOf = (root, isMinor) => `${KEYS[root]}_${isMinor ? "minor" : "major"}`;
const wordOf = (root, isMinor) => `${SHOWN[root]}${isMinor ? "m" : ""}`;
const pitchClass = (column, row) => (12 + FIRST + FIFTH * column + THIRD * row) % 12;

export class Lattice {
  /**
   * @param {HTMLElement} moves the widgets of `MOVES`
   * @param {HTMLElement} rows those of `LATTICE`, for hands that do not touch
   * @param {import("./link.js").Link} link
   * @param {import("./score.js").Score} score
   */
  constructor(moves, rows, link, score) {
    this.link = link;
    this.score = score;
    this.chord = NONE;
    this.triangles = []; // of { element, chord, root, isMinor, notes }
    this.corners = []; // of { element, notes }
    this.drag = null; // the finger, the triangle that it is on, and the moves since it came down
    this.surface = this.draw();
    this.path = make("p", { class: "path", role: "status" });
    const free = make("button", { type: "button", class: "free", title: "no chord leads" }, "free");
    onPress(free, () => link.set(CHORD, NONE));
    moves.append(free, this.path);
    this.element = make("details", { class: "fold lattice" }, make("summary", {}, "chords that lead"));
    this.element.append(this.surface, moves, rows);
    this.element.addEventListener("toggle", () => this.element.open && this.animate());
  }

  /** Show controls that are in force. */
  show(values) {
    if (!(CHORD in values)) return;
    this.chord = values[CHORD];
    for (const { element, chord } of this.triangles) {
      const isLeading = element.classList.toggle("is-leading", chord === this.chord);
      if (isLeading) this.surface.insertBefore(element, this.corners[0].element); // over its neighbours' edges
    }
  }

  /** Show the chords that a model foretells, as far as they are planned. */
  showForetold(chords) {
    for (const { element, chord } of this.triangles) {
      element.classList.toggle("is-foretold", chords.includes(chord));
    }
  }

  draw() {
    const width = (COLUMNS + 1) * SIDE + 2 * MARGIN;
    const height = ROWS * RISE + 2 * MARGIN;
    const surface = drawn("svg", { class: "tonnetz", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const corners = new Map(); // by where they are: each belongs to several triangles
    const at = (column, row) => {
      const point = [MARGIN + (column + row / 2) * SIDE, height - MARGIN - row * RISE];
      corners.set(point.join(), [point, pitchClass(column, row)]);
      return point;
    };
    for (let row = 0; row < ROWS; row++) {
      const first = -Math.floor(row / 2); // each row leans half a triangle to the right
      for (let column = first; column < first + COLUMNS; column++) {
        const root = pitchClass(column, row);
        this.addTriangle(surface, [at(column, row), at(column + 1, row), at(column, row + 1)], root, false);
        const minor = (root + THIRD) % 12;
        this.addTriangle(surface, [at(column + 1, row), at(column, row + 1), at(column + 1, row + 1)], minor, true);
      }
    }
    for (const [point, note] of corners.values()) this.addCorner(surface, point, note);
    surface.addEventListener("pointerdown", (event) => this.touch(event));
    surface.addEventListener("pointermove", (event) => this.goOn(event));
    for (const type of ["pointerup", "pointercancel"]) surface.addEventListener(type, (event) => this.letGo(event));
    return surface;
  }

  addTriangle(surface, corners, root, isMinor) {
    const chord = nameOf(root, isMinor);
    const points = corners.map((point) => point.join()).join(" ");
    const element = drawn("g", { class: "triangle", "data-chord": chord }, drawn("polygon", { points }));
    const [x, y] = [0, 1].map((axis) => corners.reduce((sum, point) => sum + point[axis], 0) / 3);
    const word = drawn("text", { x, y });
    word.textContent = wordOf(root, isMinor);
    element.append(word);
    surface.append(element);
    const notes = [root, root + (isMinor ? 3 : THIRD), root + FIFTH].map((note) => note % 12);
    this.triangles.push({ element, chord, root, isMinor, notes });
  }

  addCorner(surface, [x, y], note) {
    const word = drawn("text", { x, y });
    word.textContent = SHOWN[note];
    const element = drawn("g", { class: "corner" }, drawn("circle", { cx: x, cy: y, r: CORNER }), word);
    surface.append(element);
    this.corners.push({ element, notes: [note] });
  }

  under({ clientX, clientY }) {
    const element = document.elementFromPoint(clientX, clientY)?.closest(".triangle");
    return element && this.triangles.find((triangle) => triangle.element === element);
  }

  touch(event) {
    const triangle = this.under(event);
    if (!triangle || this.drag || event.button !== 0) return;
    this.surface.setPointerCapture(event.pointerId);
    this.drag = { finger: event.pointerId, triangle, moves: "" };
    this.link.set(CHORD, triangle.chord === this.chord ? NONE : triangle.chord);
  }

  goOn(event) {
    if (event.pointerId !== this.drag?.finger) return;
    const triangle = this.under(event);
    const move = triangle && moveBetween(this.drag.triangle, triangle);
    if (!move) return;
    if (!this.drag.moves) this.link.set(CHORD, this.drag.triangle.chord); // a path begins on a chord that leads
    this.drag.triangle = triangle;
    this.drag.moves += move;
    triangle.element.classList.add("is-on-path");
    setText(this.path, this.drag.moves.toUpperCase().split("").join(" "));
  }

  letGo(event) {
    if (event.pointerId !== this.drag?.finger) return;
    if (this.drag.moves && event.type === "pointerup") this.link.set("tonnetz.path", this.drag.moves);
    this.drag = null;
    setText(this.path, "");
    for (const { element } of this.triangles) element.classList.remove("is-on-path");
  }

  // Glow as the music goes on, while anybody can see it.
  animate() {
    if (!this.element.open || !this.element.isConnected) return;
    const now = Math.floor(this.link.position() ?? -1);
    if (now !== this.shown) {
      this.shown = now;
      const sounding = this.notesIn(now - GLOW_FRAMES + 1, now + 1);
      const planned = this.notesIn(now + 1, now + 1 + GLOW_FRAMES);
      const show = ({ element, notes }) => {
        element.classList.toggle("is-sounding", notes.every((note) => sounding.has(note)));
        element.classList.toggle("is-planned", notes.every((note) => planned.has(note)));
      };
      this.triangles.forEach(show);
      this.corners.forEach(show);
    }
    requestAnimationFrame(() => this.animate());
  }

  notesIn(first, end) {
    const found = new Set();
    for (const { voice, note } of this.score.bars(first, end)) if (voice !== NOISE) found.add(note % 12);
    return found;
  }
}

// The move that leads over the side that two triangles share, wherever else on the lattice the same chords are.
function moveBetween(from, to) {
  const [major, minor] = from.isMinor ? [to, from] : [from, to];
  if (major.isMinor || !minor.isMinor) return undefined;
  return { 0: "p", 4: "l", 9: "r" }[(minor.root - major.root + 12) % 12];
}
