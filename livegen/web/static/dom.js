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

/** Call `press` when a button is pressed, by a finger or a key: when it is clicked, or as soon as it is touched. */
export function onPress(button, press, isAtOnce = false) {
  if (isAtOnce) button.addEventListener("pointerdown", (event) => event.button === 0 && press());
  button.addEventListener("click", (event) => {
    if (!isAtOnce || event.detail === 0) press();
  });
}

/** Whether what is typed goes into an element, so that it is neither music nor a command. */
export function isTyping(element) {
  if (element.isContentEditable || element.tagName === "SELECT" || element.tagName === "TEXTAREA") return true;
  return element.tagName === "INPUT" && !["range", "radio", "checkbox", "button"].includes(element.type);
}
