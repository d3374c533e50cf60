// Asking the service: its answer, or an error whose message is the sentence of its problem.

export async function ask(address, options = {}) {
    const answer = await fetch(address, options);
    if (answer.status === 204) return null;
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.detail);
    return body;
}

// An element with a text and attributes.
export function element(name, text = "", attributes = {}) {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
}
