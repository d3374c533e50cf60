"""What to press to be heard, until the performer has played; from then on, the key that was pressed last."""

from typing import Final

from rich.text import Text

from livegen.outputs.devices import NULL
from livegen.performance.keyboard import is_player
from livegen.score import Voice
from livegen.session.session import Session
from livegen.system.midi_names import is_own

_NOTE_NAMES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_LETTERS: Final = "z x c v b"


def note_name(voice: Voice, note: int) -> str:
    """Return the name of a note: ``A4``, or ``N12`` for the noise voice, which has no pitch. Silence is a dot."""
    if note == 0:
        return "·"
    if voice is Voice.NO:
        return f"N{note}"
    return f"{_NOTE_NAMES[note % 12]}{note // 12 - 1}"


def invitation(session: Session, page: str) -> Text:
    """Return one line: what to press to play, and where to hear it; once a key was pressed, what is played.

    Parameters
    ----------
    session : Session
    page : str
        Address of the stage page; empty if it is not served.
    """
    key = session.instrument.last_key
    if key is None:
        return Text(" · ".join(filter(None, (_how_to_play(session, page), _how_to_hear(session, page)))), style="bold")
    held = [each for each in session.instrument.held_keys if each.is_down]
    line = Text("you play ")
    for each in held or (key,):
        line.append(f" {note_name(each.voice, each.note)} ", style="bold reverse" if held else "dim")
        line.append(f" on {each.voice.name}  ")
    return line


def _how_to_play(session: Session, page: str) -> str:
    yours = [voice.name for voice in Voice if is_player(session.instrument.values, voice)]
    if not yours:
        return "no voice is yours: set p1.role to player, and keys play P1"
    keyboards = [] if session.midi_in is None else [name for name in session.midi_in.names if not is_own(name)]
    if keyboards:
        return f"press a key of {keyboards[0]} to play {' or '.join(yours)}"
    if session.has_terminal:
        return f"press {_LETTERS} to play {' or '.join(yours)}"
    return f"play on the page, {page}" if page else "plug in a MIDI keyboard to play"


def _how_to_hear(session: Session, page: str) -> str:
    if session.speaker.name != NULL:
        return ""
    return f"no sound card: hear it at {page}" if page else "no sound card: nothing is heard"
