// What is new, for a while; and what went wrong: in full at first, and from then on behind a mark that opens it again.
// It lies over the roll, so that nothing else moves.

import { make, setText } from "./dom.js";

const NEWS_MS = 6000;
const TROUBLE_MS = 10_000;

/**
 * @param {HTMLElement} root
 * @param {import("./link.js").Link} link
 */
export function mountNotices(root, link) {
  const number = make("span");
  const mark = make("summary", {}, "⚠ ", number, make("span", { class: "unseen" }, " troubles"));
  const list = make("ul");
  const troubles = make("details", { class: "troubles", hidden: true }, mark, list);
  const news = make("p", { class: "news", role: "status" });
  const told = make("p", { class: "unseen", role: "status" }); // a trouble is read aloud once, not with every number
  root.append(troubles, news, told);

  let newsTimer = 0;
  const say = (sentence, kind) => {
    clearTimeout(newsTimer);
    news.textContent = sentence;
    news.dataset.kind = kind;
    newsTimer = setTimeout(() => (news.textContent = ""), NEWS_MS);
  };
  link.on("news", ({ sentence }) => say(sentence, "news"));
  link.on("refused", ({ name, reason }) => say(reason.includes(name) ? reason : `${name}: ${reason}`, "refused"));

  let troubleTimer = 0;
  mark.addEventListener("click", () => clearTimeout(troubleTimer)); // who opens it reads for as long as it takes
  const items = new Map(); // by what went wrong, without how often
  link.on("gauges", ({ troubles: sentences }) => {
    const byKind = new Map(sentences.map((sentence) => [sentence.replace(/: \d+/, ""), sentence]));
    for (const [kind, item] of items) {
      if (byKind.has(kind)) continue;
      item.remove();
      items.delete(kind);
    }
    const isNew = [...byKind.keys()].filter((kind) => !items.has(kind));
    for (const kind of isNew) items.set(kind, list.appendChild(make("li")));
    for (const [kind, sentence] of byKind) setText(items.get(kind), sentence);
    setText(number, String(items.size));
    troubles.hidden = !items.size;
    if (!isNew.length) return;
    told.textContent = isNew.map((kind) => byKind.get(kind)).join("; ");
    troubles.open = true;
    clearTimeout(troubleTimer);
    troubleTimer = setTimeout(() => (troubles.open = false), TROUBLE_MS);
  });
}
