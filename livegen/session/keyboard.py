"""Which keys the performer holds, and which of them each voice sounds: a value and pure functions on it.

A voice plays one note, the last one pressed of those that are held; when that comes up, the one before sounds
again. A pedal keeps keys of its own channel. The audio side and the score both run these functions over the same
events, so they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from livegen.controls import VOICE_PREFIX, Values
from livegen.events import ControlChange, Event, NoteOff, NoteOn, SetControl, SourceLost
from livegen.score import MIDI_CHANNEL, Voice, fit_note
from livegen.units import velocity_to_volume

_VOICE_OF_CHANNEL: Final[Mapping[int, Voice]] = {channel: voice for voice, channel in MIDI_CHANNEL.items()}

_SUSTAIN: Final = 64
_ALL_SOUND_OFF: Final = 120
_RESET_CONTROLLERS: Final = 121
_ALL_NOTES_OFF: Final = range(123, 128)
_PEDAL_DOWN: Final = 64
_MAX_HELD: Final = 256


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key that sounds or would: pressed, or let go of while its pedal is down."""

    source: str
    channel: int
    key: int
    voice: Voice
    note: int
    volume: int
    order: int
    is_down: bool = True

    def is_of(self, source: str, channel: int) -> bool:
        """Tell whether the key belongs to a channel of a source."""
        return self.source == source and self.channel == channel


@dataclass(frozen=True, slots=True)
class Keyboard:
    """All held keys, oldest first, with the pedals that are down, and who has played which voice."""

    held: tuple[HeldKey, ...] = ()
    pedals: frozenset[tuple[str, int]] = frozenset()
    touches: frozenset[tuple[Voice, str]] = frozenset()
    n_pressed: int = 0

    def is_touched(self, voice: Voice) -> bool:
        """Tell whether anybody who is still there has played a voice; until then the model plays it."""
        return any(touched is voice for touched, _ in self.touches)

    def sounding(self, voice: Voice) -> HeldKey | None:
        """Return the key that a voice sounds: the last pressed of those held."""
        return next((key for key in reversed(self.held) if key.voice is voice), None)


def is_player(values: Values, voice: Voice) -> bool:
    """Tell whether a voice is the player's."""
    return values[VOICE_PREFIX[voice] + "role"] == "player"


def voice_of_channel(channel: int, values: Values) -> Voice | None:
    """Return the voice that a channel plays, or None if its keys have none.

    Channels 1, 2, 3 and 10 mean P1, P2, TR and NO. A keyboard sends on channel 1 unless told otherwise, so where
    P1 is not the player's, channel 1 plays the player's first voice, as the remaining channels always do.
    """
    voice = _VOICE_OF_CHANNEL.get(channel)
    if voice is not None and is_player(values, voice):
        return voice
    if voice is None or voice is Voice.P1:
        return next((voice for voice in Voice if is_player(values, voice)), None)
    return None


def handle(keyboard: Keyboard, event: Event, source: str, values: Values) -> Keyboard:
    """Return the keyboard after an event; `values` are the controls in force after it."""
    match event:
        case NoteOn():
            return _press(keyboard, event, source, values)
        case NoteOff():
            return _let_go(keyboard, event, source)
        case ControlChange(channel, control, value):
            if control == _SUSTAIN:
                return _set_pedal(keyboard, (source, channel), value >= _PEDAL_DOWN)
            if control == _RESET_CONTROLLERS:
                return _set_pedal(keyboard, (source, channel), False)
            if control == _ALL_SOUND_OFF or control in _ALL_NOTES_OFF:
                return replace(keyboard, held=tuple(key for key in keyboard.held if not key.is_of(source, channel)))
        case SourceLost():
            held = tuple(key for key in keyboard.held if key.source != source)
            pedals = frozenset(pedal for pedal in keyboard.pedals if pedal[0] != source)
            touches = frozenset(touch for touch in keyboard.touches if touch[1] != source)
            return replace(keyboard, held=held, pedals=pedals, touches=touches)
        case SetControl(name="panic", value=True):
            return replace(keyboard, held=(), pedals=frozenset())
        case SetControl(name) if name.endswith(".role"):
            return _keep_player_voices(keyboard, values)
    return keyboard


def _press(keyboard: Keyboard, event: NoteOn, source: str, values: Values) -> Keyboard:
    voice = voice_of_channel(event.channel, values)
    if voice is None:
        return keyboard
    others = tuple(key for key in keyboard.held if not (key.is_of(source, event.channel) and key.key == event.note))
    pressed = HeldKey(
        source,
        event.channel,
        event.note,
        voice,
        fit_note(voice, event.note),
        velocity_to_volume(event.velocity),
        keyboard.n_pressed,
    )
    return replace(
        keyboard,
        held=(*others, pressed)[-_MAX_HELD:],
        touches=keyboard.touches | {(voice, source)},
        n_pressed=keyboard.n_pressed + 1,
    )


def _let_go(keyboard: Keyboard, event: NoteOff, source: str) -> Keyboard:
    has_pedal = (source, event.channel) in keyboard.pedals
    held = []
    for key in keyboard.held:
        if not (key.is_of(source, event.channel) and key.key == event.note):
            held.append(key)
        elif has_pedal:
            held.append(replace(key, is_down=False))
    return replace(keyboard, held=tuple(held))


def _set_pedal(keyboard: Keyboard, pedal: tuple[str, int], is_down: bool) -> Keyboard:
    if is_down:
        return replace(keyboard, pedals=keyboard.pedals | {pedal})
    held = tuple(key for key in keyboard.held if key.is_down or not key.is_of(*pedal))
    return replace(keyboard, held=held, pedals=keyboard.pedals - {pedal})


def _keep_player_voices(keyboard: Keyboard, values: Values) -> Keyboard:
    kept = frozenset(voice for voice in Voice if is_player(values, voice))
    held = tuple(key for key in keyboard.held if key.voice in kept)
    touches = frozenset(touch for touch in keyboard.touches if touch[0] in kept)
    return replace(keyboard, held=held, touches=touches)
