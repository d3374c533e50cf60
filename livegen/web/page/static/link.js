// The line to the session: one WebSocket that comes back by itself, what was heard last, and the session's clock.

import { Clock } from "./clock.js";

const RETRY_MS = [250, 500, 1000];
const CHECK_MS = 250;
const PING_MS = 500;
const SILENT_MS = 1500; // a line on which not even a pong comes is dead, whatever the network says
const CONNECT_MS = 3000;

/** Address of a line to the server that the page came from, by its path. */
export function lineTo(path) {
  const address = new URL(path, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return address;
}

/**
 * What the parts of the page share. `on(type, hear)` hears every message of livegen/web/wire.py, and these of our own:
 *
 * - `open`, `closed`: the WebSocket
 * - `state`: `state` has changed
 * - `sound`: an ArrayBuffer
 */
export class Link {
  /** @param {URL} url */
  constructor(url) {
    this.url = url;
    this.hello = null; // of the session that is there, or was
    this.values = {}; // controls in force, by full name
    this.isOpen = false;
    this.state = "connecting"; // then "here", and "lost" or "unreachable" when it was here and is not
    this.roundTripMs = null;
    this.listeners = new Map();
    this.clock = null;
    this.stoodAt = null; // where the session was lost: time stands still there
    this.failures = 0;
    this.heardMs = 0;
    this.pingMs = 0;
    this.checkedMs = 0;
  }

  /** Call `hear(message)` with each message of a type. */
  on(type, hear) {
    if (!this.listeners.has(type)) this.listeners.set(type, []);
    this.listeners.get(type).push(hear);
  }

  /** Send a message; one that cannot go now never goes, for a note that comes late is worse than none. */
  send(type, fields) {
    // a socket is closed for a moment before it says so
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type, ...fields }));
  }

  /** Set a control by its full name. */
  set(name, value) {
    this.send("set", { name, value });
  }

  /** The frame that is heard at a time of performance.now(), a real number; null before the first plan. */
  position(ms = performance.now()) {
    return this.stoodAt ?? this.clock?.position(ms) ?? null;
  }

  open() {
    this.connect();
    setInterval(() => this.check(performance.now()), CHECK_MS);
  }

  connect() {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.heardMs = performance.now();
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.failures = 0;
      this.heardMs = performance.now();
      this.isOpen = true;
      this.tell("open");
    };
    socket.onclose = () => this.drop();
    socket.onmessage = ({ data }) => {
      this.heardMs = performance.now();
      if (data instanceof ArrayBuffer) this.tell("sound", data);
      else this.hear(JSON.parse(data), this.heardMs);
    };
  }

  // Let go of the socket, which may never tell that it is closed, and try again soon.
  drop() {
    const { socket, isOpen } = this;
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
    this.isOpen = false;
    this.roundTripMs = null;
    if (isOpen) this.tell("closed");
    if (this.hello) this.become("unreachable");
    this.socket = null;
    setTimeout(() => this.connect(), RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]);
  }

  check(ms) {
    // A page that slept has not listened: it gives the line time before it judges.
    if (ms - this.checkedMs > 4 * CHECK_MS) this.heardMs = Math.max(this.heardMs, ms - CHECK_MS);
    this.checkedMs = ms;
    if (!this.socket) return;
    if (ms - this.heardMs > (this.isOpen ? SILENT_MS : CONNECT_MS)) this.drop();
    else if (ms - this.pingMs >= PING_MS) {
      this.pingMs = ms;
      this.send("ping", { t: ms });
    }
  }

  hear(message, ms) {
    switch (message.type) {
      case "hello":
        if (message.session !== this.hello?.session) this.clock = new Clock(message.frame_rate);
        this.hello = message;
        this.values = {};
        break;
      case "values":
        Object.assign(this.values, message.values);
        break;
      case "plan":
        this.clock.hear(message.now, ms);
        break;
      case "pong":
        this.roundTripMs = ms - message.t;
        break;
    }
    if (message.type === "lost") this.become("lost");
    else if (message.type !== "pong" && message.type !== "refused") this.become("here"); // the session's own words
    this.tell(message.type, message);
  }

  become(state) {
    if (state === this.state) return;
    this.stoodAt = state === "here" ? null : this.position();
    this.state = state;
    this.tell("state");
  }

  tell(type, message) {
    for (const hear of this.listeners.get(type) ?? []) hear(message);
  }
}
