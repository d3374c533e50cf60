// What went wrong and what is new, over the roll, so that nothing else moves when it comes and goes.

const NEWS_MS = 6000;

/**
 * @param {HTMLElement} root
 * @param {import("./link.js").Link} link
 */
export function mountNotices(root, link) {
  const troubles = root.appendChild(document.createElement("ul"));
  const news = root.appendChild(document.createElement("p"));
  troubles.className = "troubles";
  news.className = "news";
  for (const part of [troubles, news]) part.setAttribute("aria-live", "polite");
  let shown = "";
  let timer = 0;
  const say = (sentence, kind) => {
    clearTimeout(timer);
    news.textContent = sentence;
    news.dataset.kind = kind;
    timer = setTimeout(() => (news.textContent = ""), NEWS_MS);
  };
  link.on("news", ({ sentence }) => say(sentence, "news"));
  link.on("refused", ({ name, reason }) => say(reason.includes(name) ? reason : `${name}: ${reason}`, "refused"));
  link.on("gauges", (gauges) => {
    const sentences = JSON.stringify(gauges.troubles);
    if (sentences === shown) return; // or a screen reader would read them ten times a second
    shown = sentences;
    troubles.replaceChildren(
      ...gauges.troubles.map((sentence) => Object.assign(document.createElement("li"), { textContent: sentence })),
    );
  });
}
