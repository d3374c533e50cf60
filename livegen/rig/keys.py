"""The tables of what a rig and a song of a set-list can say, beside a rig's sections.

Those are ``[controls]``, ``[[knob]]``, ``[[midi_in]]`` and ``[[midi_out]]``. The names are those of the options of
`livegen jam`.
"""

from dataclasses import dataclass
from typing import Final

from livegen.controls import PRESSES
from livegen.system.midi_ports import API_NAMES
from livegen.toml.text import SimpleKind

CHANNELS: Final = ("mix", "voices")
LIST_MAX: Final = 128  # texts in a list; MIDI program changes pick one of 128 patches

MAX_SEED: Final = 2**63 - 1
RATES: Final = (8_000, 192_000)
BLOCKS: Final = (16, 8_192)
LATENCIES_MS: Final = (0, 1_000)
TEMPOS_BPM: Final = (20, 400)

MAX_SONGS: Final = 128  # MIDI program changes pick one


@dataclass(frozen=True, slots=True)
class RigKey:
    """One row of the table.

    Attributes
    ----------
    name : str
    kind : str
        One of the kinds of `livegen.toml.text.TomlText.simple`, or ``"texts"``, a list of texts.
    description : str
    span : (float, float)
        Range of a number.
    choices : tuple of str
    """

    name: str
    kind: SimpleKind | str
    description: str
    span: tuple[float, float] = (0, 0)
    choices: tuple[str, ...] = ()


RIG_KEYS: Final[tuple[RigKey, ...]] = (
    RigKey("patch", "text", "the patch that the session begins with: a name, or a file beside the rig"),
    RigKey("patches", "texts", "what MIDI program changes 1, 2, 3 and so on pick; all shipped patches if left out"),
    RigKey("model", "text", "a model's name, or its folder"),
    RigKey("models", "texts", 'models that play a voice alone, each as "no=NAME"'),
    RigKey("seed", "int", "of all draws; a new one each time if left out", (0, MAX_SEED)),
    RigKey("audio", "text", "audio device or host API, or null"),
    RigKey("audio_channels", "choice", "the mix on every channel, or each voice on its own of four", choices=CHANNELS),
    RigKey("rate", "int", "sample rate in Hz", RATES),
    RigKey("block", "int", "samples a block", BLOCKS),
    RigKey(
        "latency_ms", "number", "the sound's way out in milliseconds, as `livegen calibrate` tells it", LATENCIES_MS
    ),
    RigKey("midi_api", "choice", "which system's MIDI", choices=API_NAMES),
    RigKey("osc_host", "text", "address that OSC listens on"),
    RigKey("osc_port", "int", "UDP port for OSC; 0 takes a free one", (0, 65_535)),
    RigKey("osc_peers", "texts", 'programs that hear every change, each as "host:port"'),
    RigKey("web", "bool", "whether to serve the stage page; yes if left out"),
    RigKey("web_host", "text", "address that the page is served on"),
    RigKey("web_port", "int", "TCP port of the page; 0 takes a free one", (0, 65_535)),
    RigKey("link", "bool", "whether to join the Ableton Link session of the network (extra `link`)"),
)

KNOB_KEYS: Final[tuple[RigKey, ...]] = (
    RigKey("control", "text", "name of the control that it sets, as `livegen controls` lists them"),
    RigKey("channel", "int", "MIDI channel", (1, 16)),
    RigKey("cc", "int", "number of the controller", (0, 119)),
    RigKey("note", "int", "MIDI key of a pad, in place of a controller", (0, 127)),
    RigKey("port", "text", "the MIDI input that it is on, by a part of its name; any input if left out"),
    RigKey(
        "mode",
        "choice",
        "a pair has its lower seven bits on the controller 32 above; the last two are endless encoders, whose step "
        "down is 127 or 63",
        choices=("absolute", "pair", "twos_complement", "offset_64"),
    ),
    RigKey(
        "press",
        "choice",
        "which press of a switch it is; one switch may have a control for each",
        choices=PRESSES,
    ),
)

SONG_KEYS: Final[tuple[RigKey, ...]] = (
    RigKey("name", "text", "what the song is called, on the page and in `song`"),
    RigKey("rig", "text", "a rig's name, or its file beside the set-list; the set-list's own if left out"),
    RigKey("tempo", "number", "beats a minute; the rig's, or livegen's own if left out", TEMPOS_BPM),
    RigKey("key", "text", 'key and scale, such as "c minor"'),
    RigKey("cue", "text", 'what the band is told as the song begins, such as "start 4", "build 4" or "drop"'),
)

CONTROLS_SECTION: Final = "controls"
KNOB_SECTION: Final = "knob"
MIDI_IN_SECTION: Final = "midi_in"
"""Also a key, whose text is a part of the name of the only input."""

MIDI_OUT_SECTION: Final = "midi_out"

SONG_SECTION: Final = "song"
"""Of a set-list."""
