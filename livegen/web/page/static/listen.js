// Listen here: the session's sound on this machine, later than its sound card has it, and it says by how much.

import { lightTrack, make, setText } from "./dom.js";
import { JitterBuffer } from "./listen-buffer.js";

const HERE = "the session’s sound, in this browser";
const WANTED = "No sound card plays: press to hear livegen in this browser";
const RAMP_SECONDS = 0.02;
const NO_CARD = "null"; // as the session names the sound that goes nowhere
const SCRIPT_SAMPLES = 1024; // a block of the old way, in the page's own thread

/**
 * @param {HTMLElement} root
 * @param {import("./link.js").Link} link
 */
export function mountListen(root, link) {
  const button = make("button", { type: "button", "aria-pressed": false }, "Listen here");
  const volume = make("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0.8, "aria-label": "volume here" });
  lightTrack(volume);
  const sentence = make("p", { class: "listen-says" });
  root.append(button, volume, sentence);
  let context = null; // the only one: Safari would let another begin only at another press
  let gain = null;
  let player = null; // what plays: put(number, samples), restart() and report()
  let isOn = false;
  let hasCard = true;
  let failure = "";
  let roundTripMs = null; // the shortest one: the others waited

  async function turn(isWanted) {
    isOn = isWanted;
    failure = "";
    show();
    try {
      if (isOn) {
        if (!context) open();
        wake(); // in the press itself: what begins after a wait, Safari may hold for a sound that nobody asked for
        if (!player) await load();
      }
      if (isOn !== isWanted) return; // pressed again meanwhile
      if (isOn) player.restart(); // what it has is from before
    } catch (error) {
      isOn = false;
      failure = `this browser plays no sound: ${error.message}`;
      return show();
    }
    ask();
    setGain();
    // What is left in the buffer fades with the gain; a context that rests costs nothing.
    if (!isOn) setTimeout(() => isOn || context?.suspend(), 1000 * 5 * RAMP_SECONDS);
  }

  function ask() {
    link.send("listen", { on: isOn });
  }

  function setGain() {
    gain?.gain.setTargetAtTime(isOn ? Number(volume.value) ** 2 : 0, context.currentTime, RAMP_SECONDS);
  }

  function open() {
    if (navigator.audioSession) navigator.audioSession.type = "playback"; // else the switch of an iPhone mutes it
    try {
      context = new AudioContext({ sampleRate: link.hello?.sample_rate ?? 48000, latencyHint: "interactive" });
    } catch {
      context = new AudioContext(); // the buffer resamples
    }
    gain = context.createGain();
    gain.gain.value = 0;
    gain.connect(context.destination);
  }

  async function load() {
    const inputRate = link.hello?.sample_rate ?? 48000;
    const loaded = context.audioWorklet ? await worklet(context, inputRate) : script(context, inputRate);
    player?.node.disconnect(); // it was pressed twice while it loaded
    player = Object.assign(loaded, { inputRate });
    player.node.connect(gain);
  }

  // Browsers hold the sound until the page is touched, and phones take it away for a call or while they sleep.
  function wake() {
    if (isOn && context?.state !== "running") context?.resume().catch(() => {}); // it says below that it waits
  }

  function show() {
    button.setAttribute("aria-pressed", isOn);
    setText(button, isOn ? "Listening" : "Listen here");
    volume.hidden = !isOn;
    root.classList.toggle("is-wanted", !isOn && !hasCard);
    const report = isOn && player?.report();
    const isHeld = context && context.state !== "running";
    const isHeard = Boolean(report?.isPlaying && !isHeld);
    sentence.setAttribute("aria-live", isHeard ? "off" : "polite"); // or its numbers would be read twice a second
    const waits = isHeld ? "this browser gives no sound yet: touch the page" : "waiting for sound";
    const words = isOn ? (isHeard ? measure(report) : waits) : failure || (hasCard ? HERE : WANTED);
    setText(sentence, words);
  }

  function measure(report) {
    const device = context.outputLatency || context.baseLatency || 0;
    const ms = Math.round(1000 * (report.delay + device) + (roundTripMs ?? 0) / 2);
    const nLost = report.nDropOuts + report.nGaps + report.nJumps;
    Object.assign(sentence.dataset, { ms, lost: nLost });
    const late = hasCard ? "later than the sound card" : "after it is played";
    return `${ms} ms ${late} · ${nLost} drop-out${nLost === 1 ? "" : "s"}`;
  }

  button.addEventListener("click", () => turn(!isOn));
  volume.addEventListener("input", () => {
    lightTrack(volume);
    setGain();
  });
  link.on("pong", () => {
    roundTripMs = Math.min((roundTripMs ?? Infinity) + 0.1, link.roundTripMs); // a network may become slower
  });
  link.on("hello", ({ sample_rate }) => {
    if (player && player.inputRate !== sample_rate) {
      player.node.disconnect(); // a session on another sound card
      player = null;
    }
    if (isOn && player) ask();
    else if (isOn) turn(true);
  });
  link.on("sound", (data) => {
    if (!isOn || !player) return;
    player.put(new DataView(data).getUint32(0, true), new Int16Array(data, 4));
  });
  link.on("gauges", ({ sound }) => {
    if (hasCard === (sound !== NO_CARD)) return;
    hasCard = !hasCard;
    show(); // at once, for the sentence may need another line: what is around it moves with the gauges, not later
  });
  for (const type of ["pointerup", "keydown", "pageshow"]) addEventListener(type, wake);
  document.addEventListener("visibilitychange", wake);
  show();
  setInterval(show, 500);
}

async function worklet(context, inputRate) {
  await context.audioWorklet.addModule(new URL("listen-worklet.js", import.meta.url));
  const options = { numberOfInputs: 0, outputChannelCount: [1], processorOptions: { inputRate } };
  const node = new AudioWorkletNode(context, "livegen-listen", options);
  let report = null;
  node.port.onmessage = ({ data }) => (report = data);
  return {
    node,
    put: (number, pcm) => node.port.postMessage([number, pcm]),
    restart: () => node.port.postMessage(null),
    report: () => report,
  };
}

// On a page of another machine without https there are no worklets: the old way, later and less steady, but it plays.
function script(context, inputRate) {
  const node = context.createScriptProcessor(SCRIPT_SAMPLES, 0, 1);
  const buffer = new JitterBuffer(inputRate, context.sampleRate);
  node.onaudioprocess = ({ outputBuffer }) => buffer.take(outputBuffer.getChannelData(0));
  const late = (2 * SCRIPT_SAMPLES) / context.sampleRate;
  return {
    node,
    put: (number, pcm) => buffer.put(number, pcm),
    restart: () => buffer.restart(),
    report: () => ({ ...buffer.report(), delay: buffer.delay + late }),
  };
}
