// The page of an audience: the roll as light, the waveforms of the four voices, and the name of the song, or of the rig
// where there is no set-list. It only looks on: its line to the server hears, and the server takes nothing from it.

import { keepAwake } from "./awake.js";
import { Light } from "./light.js";
import { Link, lineTo } from "./link.js";
import { Pace } from "./pace.js";
import { Score, VOICES } from "./score.js";
import { drawScopes } from "./scopes.js";
import { Songs } from "./songs.js";
import { View } from "./view.js";
import { Waves } from "./waves.js";

const MOST_PIXELS = 4e6; // that are drawn: a finer screen shows no more light, and costs
const STILL_MS = 3000; // after which the mouse's pointer and the hint go
const SCOPES_SHARE = { wide: 0.27, tall: 0.36 }; // of the height
const DEFAULT_LOOKAHEAD = 12;

class Show {
  constructor(canvas, link) {
    this.canvas = canvas;
    this.g = canvas.getContext("2d", { alpha: false });
    this.link = link;
    this.score = new Score(link);
    this.waves = new Waves(link);
    this.view = new View();
    this.pace = new Pace();
    this.bars = [];
    this.version = -1;
    this.lastMs = 0;
    const style = getComputedStyle(document.documentElement);
    const property = (name) => style.getPropertyValue(`--${name}`).trim();
    this.font = property("font");
    this.colours = VOICES.map(property);
    this.light = new Light(this.colours, property("player"));
    link.on("hello", ({ session }) => {
      if (session !== this.session) [this.bars, this.view, this.width] = [[], new View(), 0];
      this.session = session;
    });
  }

  start() {
    this.pace.run(this.link, (ms, position) => this.draw(ms, position));
  }

  fit() {
    const { innerWidth: width, innerHeight: height } = window;
    if (width === this.width && height === this.height && devicePixelRatio === this.screenRatio) return;
    [this.width, this.height, this.screenRatio] = [width, height, devicePixelRatio];
    this.ratio = Math.min(devicePixelRatio, Math.sqrt(MOST_PIXELS / (width * height)));
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    const isWide = width >= height;
    const scopesHeight = height * SCOPES_SHARE[isWide ? "wide" : "tall"];
    const top = height - scopesHeight;
    this.view.resize(width, top);
    this.scopes = { left: 0, top, width, height: scopesHeight, columns: isWide ? VOICES.length : VOICES.length / 2 };
  }

  draw(ms, now) {
    const { g, view, score, link } = this;
    this.fit();
    g.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    g.fillStyle = "#000";
    g.fillRect(0, 0, this.width, this.height);
    if (now !== null) {
      view.follow(now, ms - this.lastMs, link.values.lookahead ?? DEFAULT_LOOKAHEAD, this.bars);
      if (this.version !== score.version) {
        this.version = score.version;
        this.bars = score.bars(view.first, Math.max(view.end, score.end));
      }
      this.light.draw(g, view, score, this.bars, link.values);
    }
    this.lastMs = ms;
    drawScopes(g, now === null ? [] : this.waves.at(now), this.colours, this.scopes, this.font);
  }
}

function showName(heading, name) {
  heading.textContent = name;
  document.title = name ? `${name} · livegen` : "livegen";
}

// Full screen is this browser's own matter, and needs a key or a touch.
function fillScreen() {
  const isFull = document.fullscreenElement !== null;
  const done = isFull ? document.exitFullscreen() : document.documentElement.requestFullscreen();
  done.catch(() => {}); // the browser has a reason, and nobody here reads it
}

function hideWhatIsStill() {
  let timer = 0;
  const move = () => {
    document.body.classList.remove("is-still");
    clearTimeout(timer);
    timer = setTimeout(() => document.body.classList.add("is-still"), STILL_MS);
  };
  addEventListener("pointermove", move);
  move();
}

const link = new Link(lineTo("show"));
const show = new Show(document.getElementById("show"), link);
const songs = new Songs(link);
songs.onChange(() => showName(document.getElementById("name"), songs.name || link.hello.name));
link.on("state", () => document.body.classList.toggle("is-away", link.state !== "here"));
if (document.fullscreenEnabled) {
  document.getElementById("hint").hidden = false;
  addEventListener("click", fillScreen);
  addEventListener("keydown", ({ code, repeat }) => code === "KeyF" && !repeat && fillScreen());
}
keepAwake();
hideWhatIsStill();
show.start();
window.livegen = show.pace; // for tests, as on the stage page
window.livegen.link = link;
window.livegen.waves = show.waves;
link.open();
