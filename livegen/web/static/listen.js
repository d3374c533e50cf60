// Listen here: the session's sound on this machine, later than its sound card has it, and it says by how much.

import { make } from "./dom.js";
import { JitterBuffer } from "./listen-buffer.js";

const RAMP_SECONDS = 0.02;
const SCRIPT_SAMPLES = 1024; // a block of the old way, in the page's own thread

/**
 * @param {HTMLElement} root
 * @param {import("./link.js").Link} link
 */
export function mountListen(root, link) {
  const button = make("button", { type: "button", "aria-pressed": false }, "Listen here");
  const volume = make("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0.8, "aria-label": "volume here" });
  const sentence = make("p", { class: "listen-says", role: "status" }, "the session’s sound, in this browser");
  root.append(button, volume, sentence);
  let context = null;
  let gain = null;
  let player = null; // what plays: put(number, samples), restart() and report()
  let isOn = false;
  let roundTripMs = null; // the shortest one: the others waited

  async function turn(isWanted) {
    isOn = isWanted;
    button.setAttribute("aria-pressed", isOn);
    button.textContent = isOn ? "Listening" : "Listen here";
    try {
      if (isOn && !context) await open();
      if (isOn !== isWanted) return; // pressed again meanwhile
      if (isOn) {
        player.restart(); // what it has is from before
        await context.resume();
      }
    } catch (error) {
      isOn = false;
      button.setAttribute("aria-pressed", false);
      button.textContent = "Listen here";
      sentence.textContent = `this browser plays no sound: ${error.message}`;
      return;
    }
    ask();
    setGain();
    if (!isOn) sentence.textContent = "the session’s sound, in this browser";
    // What is left in the buffer fades with the gain; a context that rests costs nothing.
    if (!isOn) setTimeout(() => isOn || context?.suspend(), 1000 * 5 * RAMP_SECONDS);
  }

  function ask() {
    link.send("listen", { on: isOn });
  }

  function setGain() {
    gain?.gain.setTargetAtTime(isOn ? Number(volume.value) ** 2 : 0, context.currentTime, RAMP_SECONDS);
  }

  async function open() {
    const inputRate = link.hello?.sample_rate ?? 48000;
    try {
      context = new AudioContext({ sampleRate: inputRate, latencyHint: "interactive" });
    } catch {
      context = new AudioContext(); // the buffer resamples
    }
    gain = context.createGain();
    gain.gain.value = 0;
    gain.connect(context.destination);
    player = context.audioWorklet ? await worklet(context, inputRate) : script(context, inputRate);
    player.inputRate = inputRate;
    player.node.connect(gain);
  }

  function close() {
    context?.close();
    context = gain = player = null;
  }

  function say() {
    if (!isOn || !player) return;
    const report = player.report();
    if (!report?.isPlaying) return (sentence.textContent = "waiting for sound");
    const device = context.outputLatency || context.baseLatency || 0;
    const ms = Math.round(1000 * (report.delay + device) + (roundTripMs ?? 0) / 2);
    const nLost = report.nDropOuts + report.nGaps + report.nJumps;
    sentence.textContent = `${ms} ms later than the sound card · ${nLost} drop-out${nLost === 1 ? "" : "s"}`;
    Object.assign(sentence.dataset, { ms, lost: nLost });
  }

  button.addEventListener("click", () => turn(!isOn));
  volume.addEventListener("input", setGain);
  link.on("pong", () => {
    roundTripMs = Math.min((roundTripMs ?? Infinity) + 0.1, link.roundTripMs); // a network may become slower
  });
  link.on("hello", ({ sample_rate }) => {
    if (player && player.inputRate !== sample_rate) close(); // a session on another sound card
    if (isOn && player) ask();
    else if (isOn) turn(true);
  });
  link.on("sound", (data) => {
    if (!isOn || !player) return;
    player.put(new DataView(data).getUint32(0, true), new Int16Array(data, 4));
  });
  setInterval(say, 500);
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
