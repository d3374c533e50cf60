"""The stage of a soak: a JACK server, a jam, its page in a browser, a performer, and OSC; and what is seen of them."""

import contextlib
import os
import re
import resource
import threading
import time
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jack_server import PERIOD, jack_server
from livegen_process import Jam
from osc_flood import Client, packets_to
from playwright.sync_api import Browser
from pythonosc.osc_message_builder import build_msg
from soak_performer import PORT_IN, PORT_OUT, Heard, Performer
from stage_bench import measure_opening, wait_for_server

from livegen.controls import CONTROLS
from livegen.score import Voice
from livegen.takes.records import LOG_FILE

_OSC_RATE: Final = 200.0
_QUESTION: Final = "/livegen/chord_ticks"  # of a control that nothing sets
_SET: Final = ("temperature", "top_p", "memory", "harmony", "arrangement", "density", "swing", "tightness", "volume")
_SOUNDING: Final = 0.02
_LISTENS: Final = "0A"  # the state of a socket in /proc/net/tcp
_WATCH: Final = """() => {
    const { link } = window.livegen;
    window.seen = { keys: [], gauges: null };
    link.on("keys", ({ keys }) => { window.seen.keys = keys; });
    link.on("gauges", (gauges) => { window.seen.gauges = gauges; });
}"""
_LOOK: Final = "() => ({ position: livegen.position, state: livegen.link.state, ...seen })"


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a jam at one time.

    Attributes
    ----------
    heard : Heard
        What the performer has heard by MIDI.
    position : float
        Of the page's playhead, in frames.
    is_page_there : bool
        Whether the page has a line to the session.
    n_answers : int
        Answers by OSC so far.
    keys : list of int
        Keys that the page shows as held.
    gauges : dict
        What the page was told last of the session.
    """

    heard: Heard
    position: float
    is_page_there: bool
    n_answers: int
    keys: list[int]
    gauges: dict[str, Any]

    @property
    def sounds(self) -> list[str]:
        """What sounds for the performer, in words; nothing once all keys are up."""
        level = self.gauges["levels"][Voice.P1]
        return [
            *(f"key {key} at the MIDI output" for key in sorted(self.heard.hanging)),
            *(f"key {key} on the page" for key in self.keys),
            *([f"P1 at a level of {level}"] if level > _SOUNDING else []),
        ]

    def is_newer_than(self, other: "Sight") -> bool:
        """Tell whether the page has moved since another sight, its playhead and what it shows of the session."""
        has_news = self.gauges["seconds"] > other.gauges["seconds"]
        return self.is_page_there and self.position > other.position and has_news

    def amiss(self, since: "Sight", home: "Sight") -> list[str]:
        """Return what has not moved since another sight, or is not as it was at home, before any fault; in words."""
        tempo, tempo_at_home = self.gauges["tempo"] or {}, home.gauges["tempo"] or {}
        is_well = {
            # the model plays P1 until it is touched again, so the page must show keys that are held
            "the performer's keys": self.heard.n_keys > since.heard.n_keys and bool(self.keys),
            "the model's notes": self.heard.n_notes > since.heard.n_notes,
            "the page": self.is_newer_than(since),
            "OSC": self.n_answers > since.n_answers,
            "the sound": self.heard.is_sound_connected and self.gauges["sound"] == home.gauges["sound"],
            "the model": self.gauges["model"] == home.gauges["model"],
            "the clock": tempo.get("source") == tempo_at_home.get("source") and not tempo.get("is_lost"),
            "the take": not any("the take waits" in trouble for trouble in self.gauges["troubles"]),
        }
        return [what for what, is_so in is_well.items() if not is_so]


class Stage:
    """All that runs; to be used in a `with`, at whose end all is ended.

    Parameters
    ----------
    folder : Path
        Where the take goes, and what the jam says.
    browser : Browser
    seed : int
        Of what is played, and of the jam.

    Attributes
    ----------
    jam : Jam
    performer : Performer
    late_frames, underflows : int
        As the jam's last heartbeat has them.
    jack_since : float
        Time of `time.monotonic` at which the JACK server was there.
    """

    def __init__(self, folder: Path, browser: Browser, seed: int) -> None:
        self._folder, self._browser, self._seed = folder, browser, seed
        self._opened, self._jack = contextlib.ExitStack(), contextlib.ExitStack()
        self._n_answers = self.late_frames = self.underflows = 0
        self._is_over = threading.Event()

    def __enter__(self) -> "Stage":
        with contextlib.ExitStack() as opened:
            opened.callback(self._jack.close)
            self.start_jack()
            opened.callback(lambda: self.performer.end())
            self.jam = Jam(self._folder, *self._options())
            opened.callback(self.jam.close)
            wait_for_server(self.jam.page)
            context = self._browser.new_context(viewport={"width": 1280, "height": 800})
            opened.callback(context.close)
            self._page = measure_opening(context, self.jam.page)[0]
            self._page.evaluate(_WATCH)
            self._page.wait_for_function("() => seen.gauges")
            self._osc = Client(self.jam.osc_port)
            self._osc.send(build_msg("/livegen/register", []).dgram)
            flood = threading.Thread(target=self._flood, daemon=True)
            flood.start()
            opened.callback(flood.join)
            opened.callback(self._is_over.set)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _options(self) -> tuple[str | Path, ...]:
        sound = ("--audio", "JACK", "--block", str(PERIOD))
        midi = ("--midi-api", "jack", "--midi-in", PORT_IN, "--midi-out", f"{PORT_OUT},thru=on")
        music = ("--seed", str(self._seed), "--set", "p1.role=player")  # so what P1 sounds is the performer's
        return *sound, *midi, *music, "--web-port", "0", "--take", self._folder

    def look(self) -> Sight:
        """Return what is seen now, and ask for the next answer by OSC."""
        with contextlib.suppress(OSError):  # the jam has ended, which is noticed elsewhere
            for address, arguments in self._osc.receive():
                self._n_answers += address == _QUESTION
                if address == "/livegen/heartbeat":
                    self.late_frames, self.underflows = arguments[1:3]
        self.send(_QUESTION)
        seen = self._page.evaluate(_LOOK)
        heard, is_there = self.performer.listen(), seen["state"] == "here"
        return Sight(heard, seen["position"] or 0.0, is_there, self._n_answers, seen["keys"], seen["gauges"])

    def send(self, address: str, *arguments: str | float) -> None:
        """Send a message by OSC."""
        self.send_packet(build_msg(address, list(arguments)).dgram)

    def send_packet(self, packet: bytes) -> None:
        """Send any bytes where OSC is expected."""
        with contextlib.suppress(OSError):  # as in `look`
            self._osc.send(packet)

    def start_jack(self) -> None:
        """Start the JACK server, and plug the performer in."""
        self._server = self._jack.enter_context(jack_server(f"livegen-soak-{os.getpid()}"))
        self.jack_since = time.monotonic()
        self._seed += 1
        self.performer = Performer(self._seed)
        self.performer.let(plays=True, ticks=True)

    def kill_jack(self) -> None:
        """Kill the JACK server, and with it the performer's ports."""
        self.performer.end()  # first, or it would print what it thinks of that
        self._server.kill()
        self._server.wait()
        self._jack.close()

    def page_process(self) -> int:
        """Return the process number of the page's server; 0 while there is none."""
        end = f":{urlsplit(self.jam.page).port:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        listening = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(end) and row[3] == _LISTENS}
        return next((pid for pid in _descendants(self.jam.pid) if listening & _files(pid)), 0)

    def fill_disk(self, *, is_full: bool) -> None:
        """Let the jam's files grow no further, or grow again."""
        with contextlib.suppress(ProcessLookupError):  # as in `look`
            _, hard = resource.prlimit(self.jam.pid, resource.RLIMIT_FSIZE)
            soft = (self.take() / LOG_FILE).stat().st_size if is_full else hard
            resource.prlimit(self.jam.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def memory_mb(self) -> dict[str, float]:
        """Return the memory of each of the jam's processes, a page shared by n of them counted as an nth (PSS).

        Pages of files are left out: what a library counts depends on who else on this machine has it open.
        """
        found = dict.fromkeys(("music", "page", "others"), 0.0)
        page = self.page_process()
        for pid in (self.jam.pid, *_descendants(self.jam.pid)):
            pss = re.findall(rb"^Pss_(?:Anon|Shmem): +(\d+)", _proc(pid, "smaps_rollup"), re.M)
            name = "music" if pid == self.jam.pid else "page" if pid == page else "others"
            found[name] += sum(map(int, pss)) / 1024
        return found

    def take(self) -> Path:
        """Return the folder of the take."""
        return next(self._folder.glob(f"*/{LOG_FILE}")).parent

    def _flood(self) -> None:
        flooded = [name for name in CONTROLS if name.endswith(_SET) and not name.startswith("p1.")]
        packets = cycle(packets_to(flooded))
        client, began, n_sent = Client(self.jam.osc_port), time.monotonic(), 0
        while not self._is_over.wait(0.5 / _OSC_RATE):
            with contextlib.suppress(OSError):
                while n_sent < (time.monotonic() - began) * _OSC_RATE:
                    n_sent += 1
                    client.send(next(packets))
                client.receive()


def _descendants(pid: int) -> list[int]:
    """Return the processes that any thread of a process has started, and those that they have."""
    threads = [task.name for task in Path(f"/proc/{pid}/task").glob("*")]
    children = [int(child) for thread in threads for child in _proc(pid, f"task/{thread}/children").split()]
    return [found for child in children for found in (child, *_descendants(child))]


def _files(pid: int) -> set[str]:
    """Return what a process has open; nothing where it has ended."""
    with contextlib.suppress(OSError):
        return {os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()}
    return set()


def _proc(pid: int, name: str) -> bytes:
    """Return what the system tells of a process; nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
