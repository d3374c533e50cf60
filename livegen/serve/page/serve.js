// The plain page: lists models, submits, shows the queue, plays results.

import { ask, element } from "./ask.js";

const LOOK_MS = 1000;
const find = (id) => document.getElementById(id);
let models = [];

function showModel() {
    const name = find("model").value;
    find("about").textContent = models.find((model) => model.name === name)?.about ?? "";
    find("stream").setAttribute("href", `/stream/${name}`);
}

async function showModels() {
    models = await ask("/models");
    const listed = models.map((model) => element("option", model.name, { value: model.name }));
    find("model").replaceChildren(...listed);
    if (models.some((model) => model.name === "default")) find("model").value = "default";
    showModel();
}

function play(address) {
    const player = find("player");
    player.src = address;
    player.play().catch((error) => tell(error.message));
}

function tell(sentence) {
    find("trouble").textContent = sentence;
}

function row(job) {
    const state = job.state === "running" ? `${Math.round(100 * job.progress)} %` : job.error || job.state;
    const cells = [job.model, job.seed, `${job.seconds} s`, state].map((text) => element("td", text));
    const files = element("td");
    const [last] = [element("td")];
    for (const [kind, address] of Object.entries(job.results)) {
        files.append(element("a", kind, { href: address, download: "" }), " ");
    }
    if (job.results.flac) {
        const button = element("button", "play", { "aria-label": `play ${job.model} ${job.seed}` });
        button.addEventListener("click", () => play(job.results.flac));
        last.append(button, " ");
    }
    const drop = element("button", job.state === "done" ? "delete" : "cancel", {
        "aria-label": `drop ${job.model} ${job.seed}`,
    });
    drop.addEventListener("click", () => act(() => ask(`/jobs/${job.id}`, { method: "DELETE" })));
    last.append(drop);
    const made = element("tr", "", { "data-id": job.id, "data-state": job.state });
    made.append(...cells, files, last);
    return made;
}

let shown = "";
async function showQueue() {
    const queue = await ask("/jobs");
    find("state").textContent =
        `${queue.queued} waiting, ${queue.running} playing, ${queue.done} done, ${queue.workers} workers`;
    const now = JSON.stringify(queue.jobs);
    if (now === shown) return; // whoever is about to press a button there finds it where it was
    shown = now;
    find("jobs").replaceChildren(...queue.jobs.map(row));
}

async function act(action) {
    try {
        await action();
        tell("");
        await showQueue();
    } catch (error) {
        tell(error.message);
    }
}

async function submit() {
    const asked = { seconds: Number(find("seconds").value), controls: {} };
    if (find("seed").value !== "") asked.seed = Number(find("seed").value);
    if (find("temperature").value !== "") asked.controls.temperature = Number(find("temperature").value);
    await ask(`/predictions/${find("model").value}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(asked),
    });
}

find("model").addEventListener("change", showModel);
find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    act(submit);
});
act(showModels);
setInterval(() => showQueue().catch((error) => (find("state").textContent = error.message)), LOOK_MS);
