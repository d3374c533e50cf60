// Learning: after "learn" the next widget that is touched is not moved, but gets the next knob that moves.

import { make, onPress } from "./dom.js";
import { readName } from "./widgets.js";

const WHICH = { learn: "that a knob is to set", unlearn: "whose knob is to go" };

/**
 * Widgets for the rows whose argument is the name of a control, and what they do with the panel around them.
 *
 * @param {HTMLElement} panel that holds all widgets
 * @param {import("./link.js").Link} link
 * @param {HTMLElement} prompt where the performer reads what to do
 */
export function makeLearning(panel, link, prompt) {
  let mode = null; // the row, learn or unlearn, whose turn it is to be given a control
  let waiting = null; // the control that the session waits to hear a knob for
  const buttons = new Map();

  function turn(row) {
    mode = row;
    if (mode) prompt.textContent = `touch the control ${WHICH[mode.name]}`;
    else prompt.textContent = waiting ? `now move the knob that is to set ${readName(waiting)}` : "";
    panel.classList.toggle("is-learning", row !== null);
    for (const [name, button] of buttons) button.setAttribute("aria-pressed", name === row?.name);
  }

  function choose(name) {
    link.set(mode.name, name);
    turn(null);
  }

  // A whole press is kept from the widget, down to the click that ends it.
  let isCaught = false;
  function catchPress(event) {
    const isKey = event.type === "keydown";
    if (isKey && !["Enter", " "].includes(event.key)) return;
    if (isKey || event.type === "pointerdown") isCaught = false;
    const name = event.target.closest("[data-control]")?.dataset.control;
    if (mode && name && !buttons.has(name)) {
      isCaught = true;
      choose(name);
    }
    if (!isCaught) return;
    event.preventDefault();
    event.stopPropagation();
  }
  for (const type of ["keydown", "pointerdown", "mousedown", "click"]) panel.addEventListener(type, catchPress, true);
  const giveUp = (event) => {
    if (event.key !== "Escape" || !mode) return;
    event.stopImmediatePropagation(); // this time it is no panic
    turn(null);
  };
  document.addEventListener("keydown", giveUp, true);

  return {
    // Show the control that waits for a knob, or null.
    showWaiting(name) {
      if (name === waiting) return;
      waiting = name;
      turn(mode);
    },

    // A button for a row whose argument is the name of a control.
    makeWidget(row) {
      const button = make("button", { type: "button", "aria-pressed": false, "aria-label": row.name }, row.name);
      const description = make("p", { class: "description" }, row.description);
      buttons.set(row.name, button);
      onPress(button, () => {
        const isOn = mode?.name !== row.name;
        if (!isOn && row.name === "learn") link.set(row.name, ""); // given up
        turn(isOn ? row : null);
      });
      const attributes = { class: "widget of-trigger", "data-control": row.name, title: row.description };
      return { element: make("div", attributes, button, description), show() {}, showKnob() {}, showRefusal() {} };
    },
  };
}
