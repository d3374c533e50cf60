// Eight memories as pads: a pad recalls, or stores while "store" is on.

import { make, onPress } from "./dom.js";

const PADS = ["1", "2", "3", "4", "5", "6", "7", "8"];

export function makeMemories(store, recall, link) {
  let isStoring = false;
  let stored = [];
  const pads = make("div", { class: "pads" });
  const arm = make(
    "button",
    { type: "button", class: "arm", "aria-pressed": false, title: store.description, "data-control": store.name },
    "store",
  );
  const heading = make("div", { class: "head" }, make("span", { class: "label" }, "memories"), arm);
  const element = make("div", { class: "memories", role: "group", "aria-label": "memories" }, heading, pads);

  function setStoring(isOn) {
    isStoring = isOn;
    arm.setAttribute("aria-pressed", isOn);
    element.classList.toggle("is-storing", isOn);
    draw();
  }

  function draw() {
    const names = [...new Set([...PADS, ...stored])];
    while (pads.children.length > names.length) pads.lastChild.remove();
    while (pads.children.length < names.length) pads.append(makePad());
    names.forEach((name, index) => {
      const pad = pads.children[index];
      const isFull = stored.includes(name);
      pad.textContent = name;
      pad.dataset.name = name;
      pad.dataset.control = isStoring ? store.name : recall.name;
      pad.title = isStoring ? store.description : recall.description;
      pad.setAttribute("aria-label", `${isStoring ? "store" : "recall"} memory ${name}${isFull ? "" : ", empty"}`);
      pad.classList.toggle("is-full", isFull);
    });
  }

  function makePad() {
    const pad = make("button", { type: "button", class: "pad" });
    onPress(pad, () => {
      link.set(isStoring ? store.name : recall.name, pad.dataset.name);
      setStoring(false);
    });
    return pad;
  }

  onPress(arm, () => setStoring(!isStoring));
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
