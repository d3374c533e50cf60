// Says in large words that there is no session, and when it was there last.

import { make } from "./dom.js";

const PATIENCE_MS = 1500; // to find it at first
const WORDS = {
  connecting: "Looking for livegen …",
  lost: "livegen does not answer",
  unreachable: "No connection to livegen",
};

/**
 * @param {HTMLElement} root
 * @param {import("./link.js").Link} link
 */
export function mountAway(root, link) {
  const words = make("strong");
  const hint = make("p");
  root.append(words, hint);
  const show = () => {
    root.hidden = link.state === "here";
    words.textContent = WORDS[link.state] ?? "";
    hint.textContent =
      link.state === "lost"
        ? "The music may go on. This page comes back by itself."
        : "It comes back by itself once livegen jam runs again.";
  };
  link.on("state", show);
  setTimeout(show, PATIENCE_MS);
}
