// Names as pads: a pad recalls what is kept under its name, or does what was chosen before, such as to store there.

import { make, onPress, setText } from "./dom.js";

const PADS = ["1", "2", "3", "4", "5", "6", "7", "8"];
const SHOWN = { towards: "morph to" }; // what a control's own word would not say beside the others

const shown = ({ name }) => SHOWN[name.split(".").at(-1)] ?? name.split(".").at(-1);

/**
 * @param {string} heading what all of them are: "memories"
 * @param {string} noun what one of them is: "memory"
 * @param {object} recall the row of the control that a pad sets, to its name
 * @param {object[]} others rows of those that it may set instead, once
 * @param {import("./link.js").Link} link
 */
export function makePads(heading, noun, recall, others, link) {
  let chosen = null; // one of the others, whose turn it is
  let stored = [];
  const pads = make("div", { class: "pads" });
  const arms = new Map(others.map((row) => [row, makeArm(row)]));
  const head = make("div", { class: "head" }, make("span", { class: "label" }, heading), ...arms.values());
  const element = make("div", { class: "memories", role: "group", "aria-label": heading }, head, pads);

  function makeArm(row) {
    const attributes = { type: "button", class: "arm", "aria-pressed": false, title: row.description };
    const arm = make("button", { ...attributes, "data-control": row.name }, shown(row));
    onPress(arm, () => choose(chosen === row ? null : row));
    return arm;
  }

  function choose(row) {
    chosen = row;
    for (const [each, arm] of arms) arm.setAttribute("aria-pressed", each === chosen);
    element.classList.toggle("is-armed", chosen !== null);
    draw();
  }

  function draw() {
    const names = [...new Set([...PADS, ...stored])];
    const row = chosen ?? recall;
    while (pads.children.length > names.length) pads.lastChild.remove();
    while (pads.children.length < names.length) pads.append(makePad());
    names.forEach((name, index) => {
      const pad = pads.children[index];
      const isFull = stored.includes(name);
      setText(pad, name);
      pad.dataset.name = name;
      pad.dataset.control = row.name;
      pad.title = row.description;
      pad.setAttribute("aria-label", `${shown(row)} ${noun} ${name}${isFull ? "" : ", empty"}`);
      pad.classList.toggle("is-full", isFull);
    });
  }

  function makePad() {
    const pad = make("button", { type: "button", class: "pad" });
    onPress(pad, () => {
      link.set((chosen ?? recall).name, pad.dataset.name);
      choose(null);
    });
    return pad;
  }

  draw();
  return {
    element,
    show(names) {
      if (names.join("\n") === stored.join("\n")) return;
      stored = names;
      draw();
    },
  };
}
