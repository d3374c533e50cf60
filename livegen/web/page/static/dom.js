// Elements in a line each.

/**
 * Make an element: `on...` attributes are listeners, and `aria-...` ones say "true" or "false"; any other is there
 * without a value if true, and not there if false or null.
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("aria-")) element.setAttribute(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Add an element of a class and a text, and return it. */
export function line(root, tag, name, text = "") {
  return root.appendChild(make(tag, { class: name }, text));
}

/** Call `press` when a button is pressed, by a finger or a key: when it is clicked, or as soon as it is touched. */
export function onPress(button, press, isAtOnce = false) {
  if (isAtOnce) button.addEventListener("pointerdown", (event) => event.button === 0 && press());
  button.addEventListener("click", (event) => {
    if (!isAtOnce || event.detail === 0) press();
  });
}

/** Write a text where it is another one: Safari forgets a press of what is written anew meanwhile. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Light the track of a slider from its own zero to a value, its own one else. */
export function lightTrack(slider, value = Number(slider.value)) {
  const [least, most] = [Number(slider.min), Number(slider.max)];
  const share = (position) => (Math.min(Math.max(position, least), most) - least) / (most - least);
  slider.style.setProperty("--value", share(value));
  slider.style.setProperty("--origin", share(0));
}

/** Whether what is typed goes into an element, so that it is neither music nor a command. */
export function isTyping(element) {
  if (element.isContentEditable || element.tagName === "SELECT" || element.tagName === "TEXTAREA") return true;
  return element.tagName === "INPUT" && !["range", "radio", "checkbox", "button"].includes(element.type);
}
