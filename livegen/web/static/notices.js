// What is new, for a while, and what is wrong, until it is right again: over the roll, so that nothing else moves.

const NEWS_MS = 6000;

/**
 * @param {HTMLElement} root
 * @param {import("./link.js").Link} link
 */
export function mountNotices(root, link) {
  const list = root.appendChild(document.createElement("ul"));
  const news = root.appendChild(document.createElement("p"));
  list.className = "troubles";
  list.setAttribute("aria-label", "Troubles");
  news.className = "news";
  for (const part of [list, news]) part.setAttribute("aria-live", "polite");

  let timer = 0;
  const say = (sentence, kind) => {
    clearTimeout(timer);
    news.textContent = sentence;
    news.dataset.kind = kind;
    timer = setTimeout(() => (news.textContent = ""), NEWS_MS);
  };
  link.on("news", ({ sentence }) => say(sentence, "news"));
  link.on("refused", ({ name, reason }) => say(reason.includes(name) ? reason : `${name}: ${reason}`, "refused"));

  const items = new Map(); // by sentence: one that stands is left alone, or it would be read ten times a second
  link.on("gauges", ({ troubles }) => {
    for (const [sentence, item] of items) {
      if (troubles.includes(sentence)) continue;
      item.remove();
      items.delete(sentence);
    }
    for (const sentence of troubles) {
      if (items.has(sentence)) continue;
      const item = list.appendChild(document.createElement("li"));
      item.textContent = item.title = sentence;
      items.set(sentence, item);
      setTimeout(() => item.classList.add("is-known"), NEWS_MS); // on a phone it takes one line from now on
    }
  });
}
