// The controls of a kind of model that has some of its own, such as a VAE's: what a performer plays with stands in front
// while such a model plays, and under the kind's name with the rest while none does.

import { make, setText } from "./dom.js";
import { makePads } from "./pads.js";
import { XyPads } from "./xypad.js";

// What stands in front, by kind: pads for the names that are stored, and groups of controls by the class of their look.
const FRONTS = {
  vae: { nouns: ["places", "place"], groups: { sliders: ["vae.morph", "vae.drift"] } },
  gan: {
    nouns: ["loops", "loop"],
    groups: {
      rerolls: ["gan.reroll"],
      locks: ["p1.gan.lock", "p2.gan.lock", "tr.gan.lock", "no.gan.lock"],
      sliders: ["gan.morph", "gan.repeats"],
    },
  },
};
const LATENT = /\.z\d+$/;

export class EnginePanel {
  /**
   * @param {string} kind
   * @param {Map<string, object>} rows of the table, by name; those that are placed are taken off
   * @param {(names: string[], className: string) => HTMLElement} place makes the widgets of rows
   * @param {Map<string, object>} widgets by control, as `place` makes them
   * @param {(name: string, value: number) => void} set sets a control, not too often
   * @param {import("./link.js").Link} link
   */
  constructor(kind, rows, place, widgets, set, link) {
    this.kind = kind;
    this.widgets = widgets;
    this.named = ""; // the latents, as they are named now
    const own = [...rows.values()].filter((row) => row.engine === kind);
    const { nouns, groups } = FRONTS[kind] ?? { groups: {} };
    const stored = ["recall", "store", "towards"].map((action) => rows.get(`${kind}.${action}`));
    this.latents = own.filter(({ name }) => LATENT.test(name));
    this.xy = this.latents.length ? new XyPads(this.latents, set) : null;
    this.pads = null;
    if (nouns && stored.every(Boolean)) {
      const [recall, ...others] = stored;
      for (const { name } of stored) rows.delete(name);
      this.pads = makePads(...nouns, recall, others, link);
    }
    this.heading = make("h3");
    const fronts = Object.entries(groups).map(([className, names]) => place(names, className));
    const parts = [this.xy, this.pads].filter(Boolean).map(({ element }) => element);
    this.front = make("div", { class: "engine", role: "group", "aria-label": `model of the kind ${kind}` });
    this.front.append(this.heading, ...parts, ...fronts);
    this.rest = place(own.map(({ name }) => name), "rows");
    for (const { name, scope } of own) if (scope === "voice") nameVoice(name, widgets.get(name));
    this.fold = make("details", { class: "fold" }, make("summary", {}, `models of the kind ${kind}`), this.rest);
    this.slot = make("div", { class: "slot", hidden: true }); // where the front stands while it plays
    this.rest.prepend(this.front);
  }

  /** Show what the models of this kind in force do, as the gauges have it; undefined where there are none. */
  showEngine(engine) {
    const isInForce = engine !== undefined;
    if (this.slot.hidden === isInForce) {
      this.slot.hidden = !isInForce;
      (isInForce ? this.slot : this.rest).prepend(this.front);
    }
    const voices = (engine?.voices ?? []).map((voice) => voice.toUpperCase()).join(" ");
    setText(this.heading, isInForce ? `${this.kind} · ${voices || "plays no voice"}` : "");
    this.pads?.show(engine?.stored ?? []);
    this.name(engine?.latents ?? []);
  }

  name(latents) {
    if (latents.join("\n") === this.named) return;
    this.named = latents.join("\n");
    this.xy?.name(latents);
    this.latents.forEach(({ name }, index) => this.widgets.get(name).rename(latents[index] ?? ""));
  }

  /** Show controls that are in force. */
  show(values) {
    this.xy?.show(values);
  }
}

// Say of which voice a control is, in words and by its colour, where those of all voices stand together.
function nameVoice(name, widget) {
  const [voice, , word] = name.split(".");
  widget.rename(`${word} ${voice.toUpperCase()}`);
  widget.element.style.setProperty("--chosen", `var(--${voice}, var(--accent))`);
  widget.element.style.setProperty("--voice", `var(--${voice}, var(--accent))`);
}
