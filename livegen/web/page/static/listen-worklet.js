// Plays the session's sound in the browser's audio thread.

import { JitterBuffer } from "./listen-buffer.js";

const REPORT_SECONDS = 0.25;

class Listen extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.buffer = new JitterBuffer(processorOptions.inputRate, sampleRate);
    this.reportAt = 0;
    this.port.onmessage = ({ data }) => (data ? this.buffer.put(...data) : this.buffer.restart());
  }

  process(_inputs, [[output]]) {
    this.buffer.take(output);
    if (currentTime >= this.reportAt) {
      this.reportAt = currentTime + REPORT_SECONDS;
      this.port.postMessage(this.buffer.report());
    }
    return true;
  }
}

registerProcessor("livegen-listen", Listen);
