// The whole set-list, over everything else, from which any song is picked.

import { make, onPress, setText } from "./dom.js";

/**
 * @param {HTMLDialogElement} dialog
 * @param {import("./link.js").Link} link
 * @param {import("./songs.js").Songs} songs
 * @returns {HTMLElement} the button that opens it
 */
export function mountSet(dialog, link, songs) {
  const place = make("span");
  const button = make("button", { type: "button", class: "place-in-set", "aria-haspopup": "dialog" }, place);
  const close = make("button", { type: "button", class: "close" }, "close");
  const list = make("ol");
  const everything = make("a", { href: "/" }, "all controls");
  const heading = make("h2", { id: "set-heading" }, "Songs");
  dialog.append(make("div", { class: "head" }, heading, everything, close), list);

  // Fingers scroll the list: a song is picked when a finger goes up where it came down.
  function makeSong(name) {
    const note = make("small");
    const song = make("button", { type: "button", "data-song": name }, make("span", {}, name), note);
    onPress(song, () => {
      link.set("song", name);
      dialog.close();
    });
    return make("li", {}, song);
  }

  let shown = "";
  function show() {
    const { names, current, wanted } = songs;
    if (names.join("\n") !== shown) list.replaceChildren(...names.map(makeSong));
    shown = names.join("\n");
    [...list.children].forEach(({ firstChild: song }, index) => {
      song.setAttribute("aria-current", index === current);
      song.classList.toggle("is-wanted", index === wanted);
      setText(song.lastChild, index === wanted ? "to come" : index === current ? "plays" : "");
    });
    button.disabled = !names.length;
    setText(place, songs.place || "no set-list");
    button.setAttribute("aria-label", names.length ? `song ${songs.place}: show all songs` : "no set-list");
    if (!names.length && dialog.open) dialog.close();
  }

  onPress(button, () => {
    dialog.showModal();
    list.children[songs.current]?.scrollIntoView({ block: "center" });
    list.children[songs.current]?.firstChild.focus({ preventScroll: true });
  });
  onPress(close, () => dialog.close());
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close()); // beside it
  link.on("state", () => link.state !== "here" && dialog.close()); // that there is no session lies below it
  songs.onChange(show);
  show();
  return button;
}
