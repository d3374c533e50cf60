"""Measure the stage page: `python tools/stage_bench.py [--seconds 300] [--tabs 10] [-- JAM OPTIONS]`.

A `livegen jam` plays on a JACK server (that of JACK_DEFAULT_SERVER), Chromium opens its page, and one JSON object
tells how soon the roll moved, how long a slider took to be seen in another tab and heard by an OSC listener, how long
a key of the page took to sound, how much later than the sound card "listen here" plays, how evenly the audience's page
draws and at which cost, and what many tabs cost the music. A page's clock is told from ours by the quickest of some
round trips.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

import jack
import numpy as np
from osc_flood import OSC_PORT, Client, figures, heartbeat, said
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pythonosc.osc_message_builder import build_msg

CHROMIUM: Final = "/usr/bin/chromium"
SLIDER: Final = "temperature"
KEYS: Final = ("KeyZ", "KeyX", "KeyC", "KeyV", "KeyB", "KeyN", "KeyM")
RECORD_SECONDS: Final = 0.35
LISTEN_SECONDS: Final = 0.3  # of the browser's sound that are looked for in the sound card's
LISTEN_EVERY_SECONDS: Final = 1.0
SURE: Final = 0.85  # correlation above which the two are the same
DRAWN: Final = "FireAnimationFrame"  # what Chromium's trace calls a callback of requestAnimationFrame
LEAST_DRAWN_US: Final = 80  # less has only kept a time
LATE_FRAME_MS: Final = 20.0
KEEP_FRAMES: Final = """() => {
    window.frameMs = [];
    let before = null;
    const keep = (ms) => {
        if (before !== null) window.frameMs.push(ms - before);
        before = ms;
        requestAnimationFrame(keep);
    };
    requestAnimationFrame(keep);
}"""
RECORDER: Final = """
registerProcessor("bench-recorder", class extends AudioWorkletProcessor {
    constructor({ processorOptions: { size } }) {
        super();
        this.ring = new Float32Array(size);
        this.port.onmessage = () => {
            const at = currentFrame % size;
            const samples = [...this.ring.subarray(at), ...this.ring.subarray(0, at)];
            this.port.postMessage({ end: currentFrame, samples });
        };
    }
    process([[input]]) {
        for (let i = 0; i < (input?.length ?? 0); i++) this.ring[(currentFrame + i) % this.ring.length] = input[i];
        return true;
    }
});"""
"""What keeps the latest sound that a page plays."""

RECORD: Final = """async ([script, size]) => {
    const gain = window.gains.at(-1);
    await gain.context.audioWorklet.addModule(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    const options = { numberOfOutputs: 0, processorOptions: { size } };
    window.recorder = new AudioWorkletNode(gain.context, "bench-recorder", options);
    gain.connect(window.recorder);
    return gain.context.sampleRate;
}"""
KEEP_GAINS: Final = """
window.gains = [];
const { createGain } = BaseAudioContext.prototype;
BaseAudioContext.prototype.createGain = function () {
    window.gains.push(createGain.call(this));
    return window.gains.at(-1);
};"""
HEAR: Final = """async () => {
    const { context, port } = window.recorder;
    const recorded = new Promise((hear) => (port.onmessage = ({ data }) => hear(data)));
    port.postMessage(null);
    const { end, samples } = await recorded;
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    const { ms, lost } = document.querySelector(".listen-says").dataset;
    const endsAt = performanceTime / 1000 + end / context.sampleRate - contextTime;
    return { endsAt, samples, ms: Number(ms), lost: Number(lost) };
}"""


class Ears:
    """A JACK client that keeps the last seconds of livegen's sound with the time of every block."""

    def __init__(self) -> None:
        self._client = jack.Client("stage bench", no_start_server=True)
        self._port = self._client.inports.register("sound")
        self.rate = self._client.samplerate
        self._sound = np.zeros(1 << 17, np.float32)
        self.end = 0  # JACK's number of the sample that comes next
        self._client.set_process_callback(self._process)
        self._client.activate()
        self._client.connect(self._client.get_ports("PortAudio:out_0", is_audio=True)[0], self._port)

    def _process(self, n_samples: int) -> None:
        start = self._client.last_frame_time
        at = start % self._sound.size
        block = self._port.get_array()
        if at + n_samples <= self._sound.size:
            self._sound[at : at + n_samples] = block
        else:
            split = self._sound.size - at
            self._sound[at:], self._sound[: n_samples - split] = block[:split], block[split:]
        self.end = start + n_samples

    def close(self) -> None:
        """Leave JACK: a client in Python is late now and then, and livegen would count that as an underflow."""
        self._client.deactivate()
        self._client.close()

    def onset_after(self, sample: int) -> int | None:
        """Return the first sample that sounds from one on, None where none has yet."""
        heard = self._sound[np.arange(sample, self.end) % self._sound.size]
        loud = np.flatnonzero(np.abs(heard - heard[:32].mean()) > 0.01)
        return sample + int(loud[0]) if loud.size else None

    def latest(self) -> tuple[int, np.ndarray]:
        """Return JACK's number of the sample after the last one, and the sound before it, the older half left out."""
        end = self.end
        return end, self._sound[np.arange(end - self._sound.size // 2, end) % self._sound.size]

    def sample_at(self, monotonic_seconds: float) -> int:
        """Return JACK's number of the sample at a time of `time.monotonic`."""
        now = self._client.frame_time
        return now + round((monotonic_seconds - time.monotonic()) * self.rate)


def page_offset(page: Page) -> float:
    """Return what to add to a page's performance.now() in seconds for our monotonic clock."""
    tries = []
    for _ in range(30):
        before = time.monotonic()
        theirs = page.evaluate("performance.now()") / 1000
        after = time.monotonic()
        tries.append((after - before, (before + after) / 2 - theirs))
    return min(tries)[1]


def measure_opening(context: BrowserContext, address: str) -> tuple[Page, dict[str, float]]:
    """Return the page and how soon its roll moved."""
    page = context.new_page()
    began = time.monotonic()
    page.goto(address)
    page.wait_for_function("() => window.livegen?.position > 0 && window.livegen.frames > 2", polling=20)
    return page, {"roll_moves_s": round(time.monotonic() - began, 2)}


def measure_slider(page: Page, other: Page, listener: Client, n: int) -> dict[str, Any]:
    """Return how long a slider's moves took to reach another tab and an OSC listener."""
    watch = f"""() => {{
        window.seen = [];
        window.livegen.link.on("values", ({{ values }}) => {{
            if ("{SLIDER}" in values) window.seen.push([performance.now(), values["{SLIDER}"]]);
        }});
    }}"""
    other.evaluate(watch)
    slider = page.locator(f'[data-control="{SLIDER}"] input[type=range]')
    move = """(slider, value) => {
        slider.value = value;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        return [performance.now(), Number(slider.value)];
    }"""
    ours, theirs = page_offset(page), page_offset(other)
    tab_ms, osc_ms = [], []
    dice = np.random.default_rng(1)
    for i in range(n):
        other.evaluate("() => { window.seen = []; }")
        moved_at, value = slider.evaluate(move, round(0.2 + 0.01 * (i % 100), 2))
        moved_at = moved_at / 1000 + ours
        deadline = time.monotonic() + 1.0
        is_heard = False
        while not is_heard and time.monotonic() < deadline:
            is_heard = any(address == f"/livegen/{SLIDER}" for address, _ in listener.receive())
            time.sleep(0.0005)
        if is_heard:
            osc_ms.append(1000 * (time.monotonic() - moved_at))
        find = "(value) => window.seen.find((each) => Math.abs(each[1] - value) < 1e-6)?.[0]"
        seen_at = other.wait_for_function(find, arg=value, timeout=2000, polling=5).json_value()
        tab_ms.append(1000 * (seen_at / 1000 + theirs - moved_at))
        time.sleep(float(dice.uniform(0.03, 0.1)))
    return {"other_tab_ms": figures(tab_ms), "osc_listener_ms": figures(osc_ms), "moves": n}


def measure_keys(page: Page, ears: Ears, osc: Client, n: int) -> dict[str, Any]:
    """Return how long keys of the page took from the browser's own time of the event to JACK's of the sound."""
    osc.send(build_msg("/livegen/stop", []).dgram)
    page.bring_to_front()
    page.evaluate("""() => {
        window.pressed = null;
        window.addEventListener("keydown", (event) => { window.pressed = event.timeStamp; }, { capture: true });
    }""")
    page.locator("body").click(position={"x": 5, "y": 5})
    time.sleep(1.0)
    offset, times, missed = page_offset(page), [], 0
    dice = np.random.default_rng(2)
    for i in range(n):
        time.sleep(RECORD_SECONDS + float(dice.uniform(0, 0.05)))
        page.keyboard.down(KEYS[i % len(KEYS)])
        pressed = page.evaluate("window.pressed") / 1000 + offset
        time.sleep(0.1)
        onset = ears.onset_after(ears.sample_at(pressed) - 64)
        page.keyboard.up(KEYS[i % len(KEYS)])
        if onset is None:
            missed += 1
        else:
            times.append(1000 * (onset - ears.sample_at(pressed)) / ears.rate)
    osc.send(build_msg("/livegen/start", []).dgram)
    return {**figures(times), "missed": missed}


def measure_listening(page: Page, ears: Ears, seconds: float) -> dict[str, Any]:
    """Return how much later than the sound card the page plays, as it is and as the page says, and its drop-outs."""
    page.bring_to_front()
    button = page.get_by_role("button", name="Listen")
    button.click()
    page.wait_for_function("() => Number(document.querySelector('.listen-says').dataset.ms) > 0")
    if page.evaluate(RECORD, [RECORDER, round(LISTEN_SECONDS * ears.rate)]) != ears.rate:
        raise SystemExit("the browser plays at another rate than JACK")
    time.sleep(LISTEN_EVERY_SECONDS)
    first = page.evaluate(HEAR)
    late_ms, said_ms, unsure, lost = [], [], 0, 0
    began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        heard = page.evaluate(HEAR)
        found = lateness_ms(ears, np.array(heard["samples"]), heard["endsAt"] + page_offset(page))
        said_ms.append(heard["ms"])
        lost = heard["lost"] - first["lost"]
        if found is None:
            unsure += 1
        else:
            late_ms.append(found)
        time.sleep(max(0.0, now + LISTEN_EVERY_SECONDS - time.monotonic()))
    button.click()
    late = figures(late_ms) if late_ms else None  # where JACK itself drops out, nothing may be found
    return {"late_ms": late, "said_ms": figures(said_ms), "drop_outs": lost, "unsure": unsure}


def lateness_ms(ears: Ears, heard: np.ndarray, ends_at: float) -> float | None:
    """Return how much later than JACK a piece of sound is heard that ends at a time; None where it is not found."""
    end, played = ears.latest()
    heard = heard - heard.mean()
    size = 1 << (played.size + heard.size).bit_length()
    products = np.fft.irfft(np.fft.rfft(played, size) * np.conj(np.fft.rfft(heard, size)), size)
    products = products[: played.size - heard.size + 1]
    energy = np.cumsum(np.concatenate(([0.0], played.astype(float) ** 2)))
    norm = np.sqrt((energy[heard.size :] - energy[: -heard.size]) * np.sum(heard**2)) + 1e-9
    best = int(np.argmax(products / norm))
    if products[best] < SURE * norm[best]:
        return None
    played_end = end - played.size + best + heard.size
    return 1000.0 * (ears.sample_at(ends_at) - played_end) / ears.rate


def measure_show(browser: Browser, address: str, seconds: float) -> dict[str, Any]:
    """Return how far apart the frames of the audience's page are, and what its script takes for one.

    The processor's time is what a frame costs; the time by the clock is more where other programs have the processor.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{address}?view=show")
    page.wait_for_function("() => window.livegen?.position > 0 && window.livegen.frames > 2")
    page.evaluate(KEEP_FRAMES)
    browser.start_tracing(page=page, categories=["devtools.timeline"])
    page.wait_for_timeout(1000 * seconds)
    traced = json.loads(browser.stop_tracing())["traceEvents"]
    frame_ms = page.evaluate("window.frameMs")
    page.close()
    drawn = [event for event in traced if event["name"] == DRAWN and event.get("dur", 0) > LEAST_DRAWN_US]
    return {
        "frame_ms": figures(frame_ms),
        "late": sum(each > LATE_FRAME_MS for each in frame_ms),
        "script_ms": figures([event["dur"] / 1000 for event in drawn]),
        "script_processor_ms": figures([event["tdur"] / 1000 for event in drawn if "tdur" in event]),
    }


@contextlib.contextmanager
def busy(n: int) -> Iterator[None]:
    """Keep as many cores busy meanwhile."""
    burners = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(n)]
    for burner in burners:
        burner.start()
    try:
        yield
    finally:
        for burner in burners:
            burner.terminate()
            burner.join()


def _burn() -> None:
    while True:
        pass


def measure_tabs(front: Page, address: str, n: int, seconds: float, listener: Client) -> dict[str, Any]:
    """Return what many tabs cost: late frames and underflows, and how often the front one draws."""
    for _ in range(n - len(front.context.pages)):
        front.context.new_page().goto(address)
    front.bring_to_front()
    time.sleep(5.0)
    before, fps = heartbeat(listener), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(2.0)
        listener.receive()
        fps.append(front.evaluate("window.livegen.fps"))
    after = heartbeat(listener)
    low, median = np.percentile(fps, (1, 50))
    return {
        "tabs": len(front.context.pages),
        "seconds": seconds,
        "late_frames": after[1] - before[1],
        "underflows": after[2] - before[2],
        "front_fps": {"min": round(min(fps), 1), "p1": round(float(low), 1), "p50": round(float(median), 1)},
    }


def main() -> None:
    """Run all of it and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=300.0, help="how long many tabs are open")
    parser.add_argument("--tabs", type=int, default=10)
    parser.add_argument("--listen-seconds", type=float, default=60.0, help="how long it listens, idle and then busy")
    parser.add_argument("--show-seconds", type=float, default=30.0, help="how long the audience's page is watched")
    parser.add_argument("--busy", type=int, default=os.cpu_count(), help="cores that are kept busy meanwhile")
    parser.add_argument("--moves", type=int, default=200, help="of the slider; half as many keys")
    parser.add_argument("jam", nargs="*", help="options of livegen jam, after --")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryFile("w+") as words, sync_playwright() as playwright:
        command = [sys.executable, "-m", "livegen", "jam", "--osc-port", "0", "--web-port", "0", "--audio", "JACK"]
        jam = subprocess.Popen([*command, *options.jam], stdin=subprocess.DEVNULL, stdout=words, stderr=words)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 800}, bypass_csp=True)  # for the recorder
        context.add_init_script(KEEP_GAINS)
        try:
            address, osc_port = said(jam, words, r"(http://\S+)", OSC_PORT)
            port = int(osc_port)
            wait_for_server(address)
            page, found["opening"] = measure_opening(context, address)
            other = context.new_page()
            other.goto(address)
            other.wait_for_function("() => window.livegen?.frames > 2")
            listener = Client(port)
            listener.send(build_msg("/livegen/register", []).dgram)
            heartbeat(listener)
            found["slider"] = measure_slider(page, other, listener, options.moves)
            other.close()
            ears = Ears()
            found["keys"] = measure_keys(page, ears, Client(port), options.moves // 2)
            found["listening"] = measure_listening(page, ears, options.listen_seconds)
            with busy(options.busy):
                found["listening_busy"] = measure_listening(page, ears, options.listen_seconds)
            ears.close()
            found["show"] = measure_show(browser, address, options.show_seconds)
            found["many_tabs"] = measure_tabs(page, address, options.tabs, options.seconds, listener)
            found["load"] = os.getloadavg()
        finally:
            browser.close()
            jam.terminate()
            jam.wait(20.0)
            words.seek(0)
            sys.stderr.write(words.read())
    sys.stdout.write(json.dumps(found) + "\n")


def wait_for_server(address: str) -> None:
    """Wait until a page is served at an address."""
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5.0):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.02)


if __name__ == "__main__":
    main()
