"""The rows of the table of controls, and what follows from them."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal

from livegen.controls.control import Control, Kind, Value, Values
from livegen.voices import Voice

OSC_PREFIX: Final = "/livegen"

ROLES: Final = ("player", "model", "off")
MODES: Final = ("accompany", "answer", "trade", "free", "listen")
BACKINGS: Final = ("none", "drums", "rhythm")
CHORDS: Final = ("last", "spread", "arpeggio")
KEYS: Final = ("c", "c#", "d", "d#", "e", "f", "f#", "g", "g#", "a", "a#", "b")
TRIADS: Final = tuple(f"{key}_{mode}" for key in KEYS for mode in ("major", "minor"))
LEADERS: Final = ("lattice", "performer", "model")
WHENS: Final = ("bar", "now", "section")
SYNCS: Final = ("auto", "clock", "link", "set", "player", "own", "none")
SCALES: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "any": tuple(range(12)),
        "major": (0, 2, 4, 5, 7, 9, 11),
        "minor": (0, 2, 3, 5, 7, 8, 10),
        "harmonic_minor": (0, 2, 3, 5, 7, 8, 11),
        "dorian": (0, 2, 3, 5, 7, 9, 10),
        "mixolydian": (0, 2, 4, 5, 7, 9, 10),
        "major_pentatonic": (0, 2, 4, 7, 9),
        "minor_pentatonic": (0, 3, 5, 7, 10),
        "blues": (0, 3, 5, 6, 7, 10),
        "whole_tone": (0, 2, 4, 6, 8, 10),
    }
)
"""Semitones over the key note, by name."""


def _of_vae() -> Iterator[Control]:
    """Yield the controls of a VAE: a place among its latents, and how it moves there."""

    def row(name: str, kind: Kind, default: Value, says: str, low: float = 0.0, high: float = 1.0) -> Control:
        return Control(f"vae.{name}", "global", kind, default, says, low, high, voids_plan=True, engine="vae")

    latents = ("density", "register", "rests", "syncopation", "loudness", "movement", "repetition", "drums")
    for number, latent in enumerate(latents, 1):
        yield row(f"z{number}", "float", 0.0, f"the VAE's latent {number}; in the shipped model its {latent}", -3, 3)
    yield row(
        "place", "int", 0, "where its other latents are: 0 for the session's own place, else that number's", 0, 127
    )
    yield row("to", "int", 0, "the place that vae.morph leads to", 0, 127)
    yield row("morph", "float", 0.0, "how far it is from vae.place to vae.to")
    yield row("drift", "float", 0.3, "how far a slow walk leads away from there, window by window")
    yield row("z_follow", "float", 0.0, "how far it goes towards what you just played")
    yield row("latch", "bool", True, "whether these wait for the next window of two bars")
    yield row("store", "name", "1", "keep these controls under a name")
    yield row("recall", "name", "1", "set these controls as they were stored")
    yield row("towards", "name", "1", "let vae.to be the place that was stored")


def _of_gan() -> Iterator[Control]:
    """Yield the controls of a GAN: its loop, and when the next one comes."""

    def row(
        name: str,
        kind: Kind,
        default: Value,
        says: str,
        low: float = 0.0,
        high: float = 1.0,
        unit: str = "",
        scope: Literal["global", "voice"] = "global",
    ) -> Control:
        return Control(f"gan.{name}", scope, kind, default, says, low, high, unit=unit, voids_plan=True, engine="gan")

    yield row("loop", "int", 0, "the GAN's loop: 0 for the session's own, else that number's", 0, 127)
    yield row("to", "int", 0, "the loop that gan.morph leads to", 0, 127)
    yield row("morph", "float", 0.0, "how far it is from gan.loop to gan.to, at the next seam")
    yield row("repeats", "int", 0, "over how many repeats of the loop it gets there; 0 for at once", 0, 64)
    yield row("truncation", "float", 0.9, "how far loops are from the most usual one", 0, 2)
    yield row("loop_bars", "int", 4, "length of the loop: 2, 4 or 8", 2, 8, "bars")
    yield row("every", "int", 16, "after how long the next loop comes by itself; 0 for never", 0, 1024, "bars")
    yield row("store", "name", "1", "keep these controls under a name, as a pad")
    yield row("recall", "name", "1", "set these controls as they were stored: the loop changes at the seam")
    yield row("towards", "name", "1", "let gan.to be the loop that was stored")
    yield row("reroll", "name", "all", "give a voice another part: p1, p2, tr, no, or all that are not locked")
    yield row("lock", "bool", False, "keep this voice's part of the loop while the others change", scope="voice")
    yield row("variation", "int", 0, "which part the voice has in the loop", 0, 127, scope="voice")


def _of_cues() -> Iterator[Control]:
    """Yield the cues with which a performer leads the band."""

    def row(
        name: str, kind: Kind, default: Value, says: str, low: float = 0.0, high: float = 1.0, unit: str = ""
    ) -> Control:
        return Control(name, "global", kind, default, says, low, high, unit=unit)

    yield Control(
        "cue_when",
        "global",
        "choice",
        "bar",
        "when a cue lands: on the next bar line, at once, or where the section ends",
        choices=WHENS,
        is_recalled=False,
    )
    yield row("fill", "trigger", False, "a bar of drum fill")
    yield row("break", "count", 1, "all but you rest for so many bars, and come back together", 1, 16, "bars")
    yield row("drop", "trigger", False, "drums and bass are out until the next cue")
    yield row("build", "count", 4, "the model grows louder and denser over so many bars", 1, 16, "bars")
    yield row(
        "solo", "name", "p1", "bring a voice to the front until the next cue: p1, p2, tr or no; the others step back"
    )
    yield row("tutti", "trigger", False, "everybody plays again as before")
    yield row("end", "trigger", False, "come to a close within two bars: a cadence, a last note that rings, and stop")


TABLE: Final[tuple[Control, ...]] = (
    Control(
        "temperature",
        "global",
        "float",
        0.9,
        "how daring the model is; 0 plays the likeliest notes",
        0,
        2,
        voids_plan=True,
    ),
    Control(
        "top_p", "global", "float", 0.95, "share of the likeliest notes the model picks from", 0, 1, voids_plan=True
    ),
    Control("lookahead", "global", "int", 12, "how far ahead the model plans", 2, 48, unit="frames", is_recalled=False),
    Control("volume", "global", "float", 0.8, "master volume of the sound", is_recalled=False),
    Control(
        "chords",
        "global",
        "choice",
        "last",
        "keys held together: the last one sounds, they spread over your voices, or one voice runs through them",
        choices=CHORDS,
    ),
    Control(
        "chord_ticks",
        "global",
        "int",
        1,
        "how long a voice stays on each note of an arpeggio, in sixtieths of a second; 1 is the chip's own buzz",
        1,
        8,
        unit="engine ticks",
    ),
    Control("bend_range", "global", "int", 2, "how far the pitch wheel bends, up and down", 0, 24, unit="semitones"),
    *_of_cues(),
    Control(
        "start",
        "global",
        "trigger",
        False,
        "let the model play, from where it stopped; with a number, after so many beats that are counted in",
        0,
        16,
        unit="beats",
    ),
    Control("stop", "global", "trigger", False, "stop the model; the keyboard still sounds"),
    Control("panic", "global", "trigger", False, "silence every note, and stop the model until start"),
    Control("reset", "global", "trigger", False, "make the model forget what was played and begin a new song"),
    Control(
        "mode",
        "global",
        "choice",
        "accompany",
        "play around you, answer your phrases, trade bars with you, play freely, or only listen",
        choices=MODES,
        voids_plan=True,
    ),
    Control(
        "backing",
        "global",
        "choice",
        "drums",
        "what the model goes on playing in your turn, in answer and trade; rhythm is drums and bass",
        choices=BACKINGS,
        voids_plan=True,
    ),
    Control("rest_beats", "global", "float", 2.0, "how long you rest before the model answers", 0.25, 16, unit="beats"),
    Control("answer_beats", "global", "int", 16, "the longest answer", 2, 64, unit="beats"),
    Control(
        "trade_bars",
        "global",
        "int",
        2,
        "how many bars a turn lasts when you trade",
        1,
        16,
        unit="bars",
        voids_plan=True,
    ),
    Control("rewind", "global", "count", 4, "take the model back so many beats; it goes on anew", 1, 64, unit="beats"),
    Control("rewind_frames", "global", "count", 24, "the same, in frames", 1, 1024, unit="frames"),
    Control("reroll", "global", "trigger", False, "make the model think again about what it is going to play"),
    Control(
        "hold",
        "global",
        "bool",
        False,
        "play the last beats of the model over and over",
        voids_plan=True,
        is_recalled=False,
    ),
    Control("hold_beats", "global", "float", 4.0, "how much of it", 0.25, 32, unit="beats"),
    Control("undo", "global", "trigger", False, "take back the last control you moved, or the last rewind or recall"),
    Control("store", "global", "name", "1", "keep the model's place in the song and the controls under a name"),
    Control("recall", "global", "name", "1", "go back to what was stored, but for volumes and mutes"),
    Control("patch", "global", "name", "", "go on with another patch; without a name, tell which one plays"),
    Control("model", "global", "name", "", "go on with another model; without a name, tell which one plays"),
    Control(
        "learn",
        "global",
        "name",
        "",
        "let the next knob, button or pad that moves set the control of this name; without a name, give up",
        names_control=True,
    ),
    Control(
        "unlearn",
        "global",
        "name",
        "",
        "take the knob off the control of this name; without a name, off the one learned last",
        names_control=True,
    ),
    Control("save", "global", "name", "", "keep patch, ports, knobs and controls in a rig; no name, in this one"),
    Control("next", "global", "trigger", False, "go on to the next song of the set-list, on the next bar line"),
    Control("previous", "global", "trigger", False, "go back to the song before in the set-list"),
    Control(
        "song",
        "global",
        "name",
        "",
        "go to the song of this name or number in the set-list; without a name, tell which one plays",
    ),
    Control(
        "capture",
        "global",
        "count",
        8,
        "keep the last bars in files, beside the take, while you play on",
        1,
        64,
        unit="bars",
    ),
    Control("memory", "global", "float", 1.0, "how much the model takes up what was played before", voids_plan=True),
    Control(
        "harmony", "global", "float", 0.75, "how strictly the model's harmony follows what you play", voids_plan=True
    ),
    Control(
        "follow", "global", "float", 0.3, "how much the band's loudness follows how hard you play", voids_plan=True
    ),
    Control(
        "arrangement", "global", "float", 1.0, "how much voices rest for sections and enter again", voids_plan=True
    ),
    Control("grid", "global", "float", 0.75, "how strictly notes keep to the beat, where it is known", voids_plan=True),
    Control(
        "sync",
        "global",
        "choice",
        "auto",
        "whose beat counts: a MIDI clock, a Link session, what you tap or set, what you play, livegen's own, nobody's, "
        "or the first that there is",
        choices=SYNCS,
        is_recalled=False,
    ),
    Control(
        "bpm",
        "global",
        "float",
        0.0,
        "tempo where no clock gives one; 0 listens for yours",
        0,
        400,
        unit="BPM",
        is_recalled=False,
    ),
    Control("tap", "global", "trigger", False, "tap the beat, twice or more; the first tap is bar 1, beat 1"),
    Control(
        "phase_offset",
        "global",
        "float",
        0.0,
        "how much later than its source the beat falls",
        -200,
        200,
        unit="ms",
        is_recalled=False,
    ),
    Control("beats_a_bar", "global", "int", 4, "beats a bar", 1, 16, voids_plan=True),
    Control(
        "metronome", "global", "float", 0.0, "level of the metronome's click in the sound, where the beat is known"
    ),
    Control("metronome_out", "global", "bool", True, "send the metronome to the MIDI outputs that ask for it"),
    Control(
        "tightness", "global", "float", 1.0, "how exactly the model's notes fall on the beat's sixteenths or triplets"
    ),
    Control(
        "swing", "global", "float", 0.0, "how late every second sixteenth falls: 0 is straight, 1 a triplet's lilt"
    ),
    Control("key", "global", "choice", "c", "key note of the scale", choices=KEYS, voids_plan=True),
    Control("scale", "global", "choice", "any", "pitches the model changes to", choices=tuple(SCALES), voids_plan=True),
    Control(
        "chord_pull",
        "global",
        "float",
        1.0,
        "how strongly the chord that leads draws the model's notes, where one leads",
        voids_plan=True,
    ),
    Control(
        "chord_from",
        "global",
        "choice",
        "lattice",
        "whose chord leads: that of the lattice, the performer's, or the one that the model tonnetz expects",
        choices=LEADERS,
        voids_plan=True,
    ),
    Control(
        "tonnetz.chord",
        "global",
        "choice",
        "none",
        "the chord of the lattice, which leads the model's notes",
        choices=("none", *TRIADS),
        voids_plan=True,
    ),
    Control(
        "tonnetz.move",
        "global",
        "name",
        "p",
        "go from this chord to a neighbour at once: p to its parallel, r to its relative, l by its leading tone",
    ),
    Control("tonnetz.p", "global", "trigger", False, "go to the chord's parallel, as from C major to C minor and back"),
    Control("tonnetz.l", "global", "trigger", False, "go by its leading tone, as from C major to E minor and back"),
    Control("tonnetz.r", "global", "trigger", False, "go to its relative, as from C major to A minor and back"),
    Control(
        "tonnetz.path", "global", "name", "p", "go on so from neighbour to neighbour, one on each beat: lrl is three"
    ),
    Control("role", "voice", "choice", "model", "who plays the voice", choices=ROLES, voids_plan=True),
    Control(
        "model",
        "voice",
        "name",
        "",
        "let a model play this voice alone, or `same` for the one that plays the others; without a name, tell which "
        "one plays it",
    ),
    Control("mute", "voice", "bool", False, "make the voice inaudible while it plays on", is_recalled=False),
    Control("volume", "voice", "float", 1.0, "level of the voice in the mix", is_recalled=False),
    Control("key_low", "voice", "int", 0, "lowest key that plays the voice; 60 is middle C", 0, 127, unit="MIDI key"),
    Control("key_high", "voice", "int", 127, "highest key that plays the voice", 0, 127, unit="MIDI key"),
    Control(
        "transpose",
        "voice",
        "int",
        0,
        "how much higher than your key the voice plays, from the next key on",
        -48,
        48,
        unit="semitones",
    ),
    Control("temperature", "voice", "float", 1.0, "times the temperature, for this voice", 0, 2, voids_plan=True),
    Control("density", "voice", "float", -0.15, "fewer notes, or more", -1, 1, voids_plan=True),
    Control("lowest", "voice", "int", 0, "lowest note that the model changes to", 0, 108, unit="note", voids_plan=True),
    Control(
        "highest", "voice", "int", 108, "highest note that the model changes to", 0, 108, unit="note", voids_plan=True
    ),
    *_of_vae(),
    *_of_gan(),
)


def _expand() -> Mapping[str, Control]:
    expanded: dict[str, Control] = {}
    for control in TABLE:
        if control.scope == "global":
            expanded[control.name] = control
        else:
            expanded |= {f"{voice.name.lower()}.{control.name}": control for voice in Voice}
    return MappingProxyType(expanded)


CONTROLS: Final[Mapping[str, Control]] = _expand()
"""Every control by its full name: ``temperature``, ``p1.role``."""

DEFAULTS: Final[Values] = MappingProxyType(
    {name: control.default for name, control in CONTROLS.items() if not control.is_action}
    | {"p1.role": "player", "no.density": 0.1}
)
"""Values in force at the start: P1 is the player's, the model has the rest, and drums are as dense as in songs."""

VOICE_PREFIX: Final[Mapping[Voice, str]] = MappingProxyType({voice: f"{voice.name.lower()}." for voice in Voice})

MODEL_CONTROLS: Final[Mapping[str, Voice | None]] = MappingProxyType(
    {"model": None, **{prefix + "model": voice for voice, prefix in VOICE_PREFIX.items()}}
)
"""The controls that change a model, and the voice that it is to play; None for all that have none of their own."""

SAME: Final = "same"
"""In place of a voice's own model: the one that plays the others."""


def with_value(values: Values, name: str, value: Value) -> Values:
    """Return a copy of the values with one of them replaced."""
    return MappingProxyType({**values, name: value})


def osc_address(name: str) -> str:
    """Return the OSC address of a control: ``p1.role`` is ``/livegen/p1/role``."""
    return f"{OSC_PREFIX}/{name.replace('.', '/')}"


ADDRESSES: Final[Mapping[str, str]] = MappingProxyType({osc_address(name): name for name in CONTROLS})
"""Name of a control by its OSC address."""
