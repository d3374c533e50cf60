"""Commands that are typed: a line is edited, completed and recalled here, and what it comes to is said in a sentence.

A line names a control and its value: ``p2.volume 0.5``. Without a value, the control is told; an action is done.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from livegen.controls import CONTROLS, PRESSES, Control, Value, Values, parse_value
from livegen.errors import ControlError

PROMPT: Final = ":"
REPLY_SECONDS: Final = 8.0
"""How long a reply stays on the screen."""

_LINE_LENGTH: Final = 80
_MOST_REMEMBERED: Final = 50
_NEAR: Final = 0.6  # how alike a mistyped name and a control must be, by difflib's measure

HELP_WORDS: Final = ("help", "midi", "quit")
_HELP: Final = (
    "NAME VALUE sets a control, NAME alone tells it, tab completes, arrow up recalls; :midi tells the ports, :quit "
    "leaves. Much used: "
    "temperature, p1.role, p2.volume, mode, bpm, key, patch, model, rewind, store, recall, undo, learn, save"
)

_OF_ENGINES: Final = {
    "store": "stored as {value}",
    "recall": "recalled {value}",
    "towards": "morphs to {value}",
    "reroll": "another part for {value}",
}
"""What is now so after an action of one kind of engine, by the last part of its name."""

_DONE: Final = {
    "rewind": "gone back {value} beats",
    "rewind_frames": "gone back {value} frames",
    "store": "stored as {value}",
    "recall": "recalled {value}",
    "undo": "took back the last change",
    "reset": "a new song begins",
    "reroll": "the next notes are drawn anew",
    "capture": "keeping the last {value} bars in files",
    "start": "the model plays",
    "stop": "the model is silent until start",
    "fill": "a fill comes",
    "break": "a break of {value} bars comes",
    "drop": "drums and bass drop out until the next cue",
    "build": "a build of {value} bars comes",
    "solo": "{value} comes to the front until the next cue",
    "tutti": "everybody plays",
    "end": "the music comes to its end; undo takes that back",
    "next": "the next song comes",
    "previous": "the song before comes",
    "panic": "everything is silent until start",
    "tonnetz.path": "goes on by {value}, a chord on each beat",
    "tap": "tapped",
    **{
        name: f"{control.engine}: {_OF_ENGINES[name.rpartition('.')[2]]}"
        for name, control in CONTROLS.items()
        if control.engine and control.is_action
    },
}
"""What is now so after an action. Of patches, models, songs, knobs and rigs the desk says it."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A line as it is typed, and what came of the last one.

    Attributes
    ----------
    text : str
        What has been typed, without the prompt; None if no line is being typed.
    reply : str
        The reply to the last line.
    replied_seconds : float
        When it was given.
    remembered : tuple of str
        The lines before, the newest last.
    at : int
        How far back among these the line that is being typed was taken from, 0 for a new one.
    """

    text: str | None = None
    reply: str = ""
    replied_seconds: float = 0.0
    remembered: tuple[str, ...] = ()
    at: int = 0

    @property
    def is_open(self) -> bool:
        """Whether a line is being typed."""
        return self.text is not None

    def shown(self, now_seconds: float) -> str:
        """Return what the screen shows: the line with its prompt, or the reply for some seconds."""
        if self.text is not None:
            return PROMPT + self.text
        return self.reply if now_seconds < self.replied_seconds + REPLY_SECONDS else ""

    def opened(self) -> "CommandLine":
        """Return a line that begins."""
        return replace(self, text="", at=0)

    def closed(self) -> "CommandLine":
        """Return the line given up."""
        return replace(self, text=None, reply="")

    def told(self, reply: str, now_seconds: float) -> "CommandLine":
        """Return the line with a reply to what was typed last."""
        return replace(self, reply=reply, replied_seconds=now_seconds)

    def typed(self, characters: str) -> "CommandLine":
        """Return the line with more characters, as far as there is room."""
        assert self.text is not None
        return replace(self, text=(self.text + characters)[:_LINE_LENGTH])

    def shortened(self) -> "CommandLine":
        """Return the line without its last character; without any, it is given up."""
        return replace(self, text=self.text[:-1]) if self.text else self.closed()

    def recalled(self, step: int) -> "CommandLine":
        """Return the line that was typed so many lines before the one that is shown; a negative step goes forward."""
        at = min(max(self.at + step, 0), len(self.remembered))
        return replace(self, at=at, text=self.remembered[-at] if at else "")

    def completed(self) -> "CommandLine":
        """Return the line with as much of its last word as all words have that it can become."""
        assert self.text is not None
        *before, word = self.text.split(" ")
        if not before:
            fitting = [name for name in (*CONTROLS, *HELP_WORDS) if name.startswith(word)]
        else:
            fitting = [choice for choice in _choices(*before) if choice.startswith(word)]
        if not fitting:
            return self
        end = " " if len(fitting) == 1 and not before else ""
        return replace(self, text=" ".join([*before, _common_start(fitting)]) + end)

    def entered(self) -> tuple["CommandLine", str]:
        """Return the line closed, and remembered if it says something new, and its text."""
        line = (self.text or "").strip()
        remembered = self.remembered
        if line and remembered[-1:] != (line,):
            remembered = (*remembered, line)[-_MOST_REMEMBERED:]
        return replace(self, text=None, reply="", remembered=remembered, at=0), line


def obey(
    line: str,
    values: Values,
    set_control: Callable[[str, Value], None],
    leave: Callable[[], None],
    ports: Callable[[], str],
) -> str:
    """Do what a line says, and return one sentence that says what is now so, or nothing if others will say it.

    Parameters
    ----------
    line : str
    values : Values
        The controls in force.
    set_control : callable
        Sets a control to a value that has been checked.
    leave : callable
        Ends the session.
    ports : callable
        Returns what is connected, in a sentence.
    """
    name, given = split(line)
    if name in HELP_WORDS:
        if name == "quit":
            leave()
            return "leaving"
        return ports() if name == "midi" else _HELP
    if not name:
        return ""
    control = CONTROLS.get(name)
    if control is None:
        return _unknown(name)
    if not given and not control.is_action:
        return f"{name} is {in_words(control, values[name])}{_range(control)}"
    try:
        value = parse_value(name, given or control.argument)
    except ControlError as error:
        return str(error)
    set_control(name, value)
    if control.is_action:  # whoever does it says what came of it
        return ""
    return f"{name} is now {in_words(control, value)}{_clamped(control, given, value)}"


def split(line: str) -> tuple[str, str]:
    """Return the name of a line and what it gives; ``name=value`` serves too."""
    name, _, given = line.strip().partition(" ")
    if "=" in name:
        name, _, begun = name.partition("=")
        given = f"{begun} {given}"
    return name, given.strip().removeprefix("=").strip()


def done(name: str, value: Value, typed: str = "", changed: Mapping[str, Value] = MappingProxyType({})) -> str:
    """Return what is now so after an action; empty if whoever does it says so itself.

    Parameters
    ----------
    name : str
    value : Value
    typed : str
        The line that asked for it, if one did.
    changed : mapping of str to value
        The controls that it has set.
    """
    sentence = _DONE.get(name, "").format(value=value)
    if name == "start" and value is not True:
        sentence = f"{value} beats are counted in"
    if not sentence:
        return ""
    if name == "undo" and changed:
        sentence += ": " + ", ".join(f"{each} is {in_words(CONTROLS[each], now)}" for each, now in changed.items())
    asked, given = split(typed)
    return sentence + (_clamped(CONTROLS[name], given, value) if asked == name and given else "")


def in_words(control: Control, value: Value) -> str:
    """Return a value as a musician reads it, with its unit."""
    if isinstance(value, bool):
        return "on" if value else "off"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"{text} {control.unit}" if control.unit else text


def _range(control: Control) -> str:
    if control.kind in ("float", "int"):
        return f" (within {control.minimum:g}..{control.maximum:g})"
    return f" (one of {', '.join(control.choices)})" if control.choices else ""


def _clamped(control: Control, given: str, value: Value) -> str:
    """Return why a number is not the one that was typed."""
    if control.kind not in ("float", "int", "count") or not isinstance(value, (int, float)):
        return ""
    if value == control.maximum and float(given) > control.maximum:
        return f", the highest: {given} is over it"
    if value == control.minimum and float(given) < control.minimum:
        return f", the lowest: {given} is under it"
    return ""


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, [*CONTROLS, *HELP_WORDS], 3, _NEAR)
    hint = f"did you mean {' or '.join(near)}?" if near else "`livegen controls` lists them"
    return f"there is no control {name!r}: {hint}"


def _choices(name: str, *given: str) -> Sequence[str]:
    """Return what may be typed next after a control and the words that are given already."""
    control = CONTROLS.get(name)
    if control is None:
        return ()
    if given:
        return PRESSES if control.names_control and len(given) == 1 else ()
    if control.kind == "bool":
        return ("on", "off")
    return list(CONTROLS) if control.names_control else control.choices


def _common_start(words: Sequence[str]) -> str:
    first, last = min(words), max(words)
    n = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:n]
