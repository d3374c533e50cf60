"""What a page must keep to: names, keys, contrast (WCAG 2.2: https://www.w3.org/TR/WCAG22/)."""

from typing import Any, Final

_WIDGETS: Final = frozenset(
    ("button", "slider", "checkbox", "switch", "combobox", "textbox", "searchbox", "spinbutton", "radio", "tab", "link")
)
_CONTRAST: Final = """() => {
    const parse = (text) => {
        const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
        return [r, g, b, a];
    };
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const luminance = (colour) => {
        const [r, g, b] = colour.map((c) => linear(c / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const over = ([r, g, b, a], below) => [r, g, b].map((c, i) => c * a + below[i] * (1 - a));
    const ground = (element) => {
        const layers = [];
        for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
        return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
    };
    const opacity = (element) => (element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1);
    const weak = [];
    for (const element of document.querySelectorAll("body *")) {
        const hint = element.placeholder;
        const said = hint || [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!said || !element.checkVisibility({ visibilityProperty: true })) continue;
        const below = ground(element);
        const colour = parse(getComputedStyle(element, hint ? "::placeholder" : null).color);
        const text = over([...colour.slice(0, 3), colour[3] * opacity(element)], below);
        const [light, dark] = [luminance(text), luminance(below)].sort((a, b) => b - a);
        const ratio = (light + 0.05) / (dark + 0.05);
        const words = (hint || element.textContent.trim()).slice(0, 30);
        if (ratio < 4.5) weak.push(`${element.tagName} ${words}: ${ratio.toFixed(2)}`);
    }
    return weak;
}"""


def weak_texts(page: Any) -> list[str]:
    """Return the visible texts whose contrast with what is behind them is under 4.5:1."""
    return list(page.evaluate(_CONTRAST))


def unfit_widgets(page: Any) -> list[str]:
    """Return the widgets, as a screen reader has them, that have no name or that no key reaches."""
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")
    unfit = []
    for node in tree["nodes"]:
        role = node.get("role", {}).get("value")
        properties = {each["name"]: each["value"].get("value") for each in node.get("properties", [])}
        if node["ignored"] or role not in _WIDGETS or properties.get("disabled"):
            continue
        name = node.get("name", {}).get("value", "").strip()
        if not name or not properties.get("focusable"):
            unfit.append(f"{role} {name!r} {properties}")
    return unfit
