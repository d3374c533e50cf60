// The line to the session: one WebSocket that comes back by itself, what was heard last, and the session's clock.

const RETRY_MS = [250, 500, 1000];
const CLOCK_MESSAGES = 72; // three seconds of plans: the one that came through soonest tells the time best

export class Link {
  constructor(url) {
    this.url = url;
    this.hello = null; // of the session that is there, or was
    this.values = {}; // controls in force, by full name
    this.isOpen = false;
    this.listeners = new Map();
    this.origins = [];
    this.failures = 0;
  }

  // Call `hear(message)` with each message of a type; "open", "closed" and "sound" (an ArrayBuffer) are of our own.
  on(type, hear) {
    if (!this.listeners.has(type)) this.listeners.set(type, []);
    this.listeners.get(type).push(hear);
  }

  send(type, fields) {
    if (this.isOpen) this.socket.send(JSON.stringify({ type, ...fields }));
  }

  set(name, value) {
    this.send("set", { name, value });
  }

  // The frame that is heard at a time of performance.now(), a real number; null before the first plan.
  position(ms = performance.now()) {
    if (!this.origins.length) return null;
    return Math.max(...this.origins) + (ms / 1000) * this.hello.frame_rate;
  }

  open() {
    this.socket = new WebSocket(this.url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      this.failures = 0;
      this.isOpen = true;
      this.tell("open");
    };
    this.socket.onclose = () => {
      if (this.isOpen) this.tell("closed");
      this.isOpen = false;
      setTimeout(() => this.open(), RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]);
    };
    this.socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.tell("sound", data);
      else this.hear(JSON.parse(data));
    };
  }

  hear(message) {
    if (message.type === "hello") {
      if (message.session !== this.hello?.session) this.origins = [];
      this.hello = message;
    } else if (message.type === "values") {
      Object.assign(this.values, message.values);
    } else if (message.type === "plan") {
      this.origins.push(message.now - (performance.now() / 1000) * this.hello.frame_rate);
      if (this.origins.length > CLOCK_MESSAGES) this.origins.shift();
    }
    this.tell(message.type, message);
  }

  tell(type, message) {
    for (const hear of this.listeners.get(type) ?? []) hear(message);
  }
}
