"""Which keys the performer holds, which of them each voice sounds, and with what expression: a value, pure functions.

A voice sounds one note: the last pressed of the keys that it holds. When that key comes up, the one pressed before it
sounds again. With an arpeggio the voice runs through all the keys that it holds. A sustain pedal keeps the keys of its
own channel. The audio side and the score both run these functions over the same events, so they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from livegen.controls import VOICE_PREFIX, Values
from livegen.events import (
    Aftertouch,
    ControlChange,
    Event,
    NoteOff,
    NoteOn,
    PitchWheel,
    PolyTouch,
    SetControl,
    SourceLost,
)
from livegen.performance.expression import CONTROLLERS, RESET_CONTROLLERS, Expression, Wheels
from livegen.score import DRUM_NOTES, MIDI_CHANNEL, N_VOICES, Voice, fit_note, fit_octave
from livegen.units import velocity_to_volume
from livegen.voices import MAX_CHORD_NOTES

Channel = tuple[str, int]
"""A source and one of its MIDI channels."""

_VOICE_OF_CHANNEL: Final[Mapping[int, Voice]] = {
    channel: voice for voice, channel in MIDI_CHANNEL.items() if voice is not Voice.P1
}

_SUSTAIN: Final = 64
_ALL_SOUND_OFF: Final = 120
_ALL_NOTES_OFF: Final = range(123, 128)
HEARD_CONTROLLERS: Final = CONTROLLERS | {_SUSTAIN, _ALL_SOUND_OFF, 122, *_ALL_NOTES_OFF}
"""MIDI controllers that do something here, or say nothing about what is played."""

_PEDAL_DOWN: Final = 64
_MAX_HELD: Final = 256
_KEYS: Final = (0, 127)
_WHEELS_AT_REST: Final = Wheels()
_NO_WHEELS: Final[Mapping[Channel, Wheels]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key that is pressed, or was let go of while its sustain pedal is down.

    Attributes
    ----------
    source, channel, key
        Where the key is: the keyboard, its MIDI channel, and the MIDI key.
    voice : Voice
        The voice that it was given when it went down.
    played_key : int
        The MIDI key after the input's and the voice's transposition, 0..127; for NO it tells which drum is hit.
    note, volume : int
        As the score has them.
    order : int
        How many keys were pressed before this one.
    is_down : bool
        False if only the pedal keeps it.
    pressure : int
        On this key alone, 0..127.
    velocity : int
        Of the key press, 1..127.
    """

    source: str
    channel: int
    key: int
    voice: Voice
    played_key: int
    note: int
    volume: int
    order: int
    is_down: bool = True
    pressure: int = 0
    velocity: int = 100

    def is_of(self, source: str, channel: int) -> bool:
        """Tell whether the key belongs to a channel of a source."""
        return self.source == source and self.channel == channel


@dataclass(frozen=True, slots=True)
class Keyboard:
    """All held keys, oldest first, with the pedals and the wheels.

    Attributes
    ----------
    held : tuple of HeldKey
    pedals : frozenset of Channel
        Those that are down.
    touches : frozenset of (Voice, str)
        Which source has played which voice.
    n_pressed : int
        How many keys ever went down.
    is_arpeggio : bool
        Whether a voice runs through all keys that it holds.
    wheels : mapping of Channel to Wheels
        Those that were ever moved.
    sounded : tuple of (HeldKey or None)
        By voice, the key that it sounds or, if it is silent, the one that it sounded last.
    """

    held: tuple[HeldKey, ...] = ()
    pedals: frozenset[Channel] = frozenset()
    touches: frozenset[tuple[Voice, str]] = frozenset()
    n_pressed: int = 0
    is_arpeggio: bool = False
    wheels: Mapping[Channel, Wheels] = field(default_factory=lambda: _NO_WHEELS)
    sounded: tuple[HeldKey | None, ...] = (None,) * N_VOICES

    def is_touched(self, voice: Voice) -> bool:
        """Tell whether a source that is still connected has played a voice; until then the model plays it."""
        return any(touched is voice for touched, _ in self.touches)

    def sounding(self, voice: Voice) -> HeldKey | None:
        """Return the key that a voice sounds, and that the score has: the last pressed of those held."""
        return next((key for key in reversed(self.held) if key.voice is voice), None)

    def chord(self, voice: Voice) -> tuple[int, ...]:
        """Return the notes that a voice runs through, ascending: one at most, or in an arpeggio up to 8.

        If more than 8 are held, the 8 pressed last count. Drums have no arpeggio.
        """
        notes = [key.note for key in self.held if key.voice is voice]
        if not self.is_arpeggio or voice is Voice.NO:
            return tuple(notes[-1:])
        newest_first = dict.fromkeys(reversed(notes))
        return tuple(sorted(list(newest_first)[:MAX_CHORD_NOTES]))

    def pitches(self) -> tuple[int, ...]:
        """Return the notes of all keys that are held on pitched voices, sounding or not, ascending."""
        return tuple(sorted({key.note for key in self.held if key.voice is not Voice.NO}))

    def expression(self, voice: Voice, bend_range: int) -> Expression:
        """Return the expression of a voice: that of the key that it sounds or, in its release, sounded last.

        Parameters
        ----------
        voice : Voice
        bend_range : int
            The control's value, in semitones.
        """
        key = self.sounded[voice]
        if key is None:
            return Expression()
        wheels = self.wheels.get((key.source, key.channel), _WHEELS_AT_REST)
        return wheels.expression(bend_range, key.pressure)

    def is_same_music(self, other: "Keyboard") -> bool:
        """Tell whether the model hears two moments of a keyboard alike; it hears neither pedals nor expression."""
        return self.pitches() == other.pitches() and all(
            _order(self.sounding(voice)) == _order(other.sounding(voice))
            and self.is_touched(voice) == other.is_touched(voice)
            for voice in Voice
        )


def attacks(before: Keyboard, after: Keyboard, voice: Voice) -> bool:
    """Tell whether a voice attacks a note between two moments of a keyboard, one event apart.

    A key that joins or leaves an arpeggio is no attack while another key of the voice is down. Keys that only the pedal
    keeps do not count as down: else nothing could attack while the pedal is down.
    """
    now = after.sounding(voice)
    if now is None or _order(now) == _order(before.sounding(voice)):
        return False
    if not after.is_arpeggio or voice is Voice.NO or before.sounding(voice) is None:
        return True
    is_pressed = now.order >= before.n_pressed
    return is_pressed and not any(key.is_down and key.voice is voice and key is not now for key in after.held)


def is_player(values: Values, voice: Voice) -> bool:
    """Tell whether the role of a voice is the player."""
    return values[VOICE_PREFIX[voice] + "role"] == "player"


def voices_of(channel: int, key: int, values: Values, voice: Voice | None = None) -> tuple[Voice, ...]:
    """Return those of the player's voices that a key may sound on.

    An input that plays a voice of its own plays that one, on every channel and wherever the key lies. Else channels 2,
    3 and 10 mean P2, TR and NO, wherever the key lies. Channel 1 and all others mean every voice whose zone holds the
    key: a keyboard sends on channel 1 unless it is set to another.
    """
    own = _VOICE_OF_CHANNEL.get(channel) if voice is None else voice
    if own is not None:
        return (own,) if is_player(values, own) else ()
    return tuple(voice for voice in Voice if is_player(values, voice) and _is_in_zone(values, voice, key))


def key_of(event: NoteOn) -> int:
    """Return the key that an input plays, after its transposition."""
    return fit_octave(event.note + event.transpose, *_KEYS)


def handle(
    keyboard: Keyboard, event: Event, source: str, values: Values, drum_notes: Mapping[int, int] = DRUM_NOTES
) -> Keyboard:
    """Return the keyboard after an event.

    Parameters
    ----------
    keyboard : Keyboard
    event : Event
    source : str
    values : Values
        The controls in force after the event.
    drum_notes : mapping of int to int
        Noise note by MIDI key, for the drums of the patch.
    """
    after = _move_wheels(keyboard, event, source)
    after = _move_keys(after, event, source, values, drum_notes)
    if after.held is keyboard.held and after.touches is keyboard.touches:
        return after
    return replace(after, sounded=tuple(_last_sounded(after, voice) for voice in Voice))


def _last_sounded(keyboard: Keyboard, voice: Voice) -> HeldKey | None:
    now, last = keyboard.sounding(voice), keyboard.sounded[voice]
    if now is not None or last is None or not keyboard.is_touched(voice):
        return now
    return replace(last, pressure=0)  # nobody presses a key that is up


def _move_wheels(keyboard: Keyboard, event: Event, source: str) -> Keyboard:
    wheels = keyboard.wheels
    match event:
        case PitchWheel(channel) | Aftertouch(channel) | ControlChange(channel):
            before = wheels.get((source, channel), _WHEELS_AT_REST)
            after = before.after(event)
            return keyboard if after == before else _with_wheels(keyboard, {**wheels, (source, channel): after})
        case SourceLost():
            return _with_wheels(keyboard, {channel: each for channel, each in wheels.items() if channel[0] != source})
        case SetControl(name="panic", value=True):
            return _with_wheels(keyboard, {channel: each.at_rest() for channel, each in wheels.items()})
        case SetControl(name="bend_range"):  # the control replaces what the channels have set themselves
            return _with_wheels(keyboard, {channel: replace(each, bend_range=None) for channel, each in wheels.items()})
    return keyboard


def _with_wheels(keyboard: Keyboard, wheels: dict[Channel, Wheels]) -> Keyboard:
    return keyboard if wheels == keyboard.wheels else replace(keyboard, wheels=MappingProxyType(wheels))


def _move_keys(
    keyboard: Keyboard, event: Event, source: str, values: Values, drum_notes: Mapping[int, int]
) -> Keyboard:
    match event:
        case NoteOn():
            return _press(keyboard, event, source, values, drum_notes)
        case NoteOff():
            return _let_go(keyboard, event, source)
        case PolyTouch(channel, note, value):
            return _press_deeper(keyboard, (source, channel), note, value)
        case ControlChange(channel, control, value):
            if control == _SUSTAIN:
                return _set_pedal(keyboard, (source, channel), value >= _PEDAL_DOWN)
            if control == RESET_CONTROLLERS:
                return _press_deeper(_set_pedal(keyboard, (source, channel), False), (source, channel), None, 0)
            if control == _ALL_SOUND_OFF or control in _ALL_NOTES_OFF:
                return replace(keyboard, held=tuple(key for key in keyboard.held if not key.is_of(source, channel)))
        case SourceLost():
            held = tuple(key for key in keyboard.held if key.source != source)
            pedals = frozenset(pedal for pedal in keyboard.pedals if pedal[0] != source)
            touches = frozenset(touch for touch in keyboard.touches if touch[1] != source)
            return replace(keyboard, held=held, pedals=pedals, touches=touches)
        case SetControl(name="panic", value=True):
            return replace(keyboard, held=(), pedals=frozenset())
        case SetControl(name="chords"):
            return _follow_chords(keyboard, values)
        case SetControl(name) if name.endswith(".role"):
            return _keep_player_voices(keyboard, values)
    return keyboard


def _press(keyboard: Keyboard, event: NoteOn, source: str, values: Values, drum_notes: Mapping[int, int]) -> Keyboard:
    others = tuple(key for key in keyboard.held if not (key.is_of(source, event.channel) and key.key == event.note))
    key = key_of(event)
    voice = _choose_voice(others, voices_of(event.channel, key, values, event.voice), values)
    if voice is None:
        return keyboard
    if voice is Voice.NO:  # an earlier drum does not sound again when this one ends
        others = tuple(key for key in others if key.voice is not Voice.NO)
    played_key = fit_octave(key + int(values[VOICE_PREFIX[voice] + "transpose"]), *_KEYS)
    pressed = HeldKey(
        source,
        event.channel,
        event.note,
        voice,
        played_key,
        fit_note(voice, played_key, drum_notes),
        velocity_to_volume(event.velocity),
        keyboard.n_pressed,
        velocity=event.velocity,
    )
    return replace(
        _follow_chords(keyboard, values),
        held=(*others, pressed)[-_MAX_HELD:],
        touches=keyboard.touches | {(voice, source)},
        n_pressed=keyboard.n_pressed + 1,
    )


def _choose_voice(held: tuple[HeldKey, ...], voices: tuple[Voice, ...], values: Values) -> Voice | None:
    """Return the voice that a key gets; in a spread the first free voice, else the one whose note was pressed first."""
    pitched = tuple(voice for voice in voices if voice is not Voice.NO)
    if values["chords"] != "spread" or not pitched:
        return voices[0] if voices else None
    sounding = {key.voice: key.order for key in held}  # oldest first, so that the last one of a voice stays
    return min(pitched, key=lambda voice: sounding.get(voice, -1))


def _is_in_zone(values: Values, voice: Voice, key: int) -> bool:
    prefix = VOICE_PREFIX[voice]
    return int(values[prefix + "key_low"]) <= key <= int(values[prefix + "key_high"])


def _let_go(keyboard: Keyboard, event: NoteOff, source: str) -> Keyboard:
    has_pedal = (source, event.channel) in keyboard.pedals
    held = []
    for key in keyboard.held:
        if not (key.is_of(source, event.channel) and key.key == event.note):
            held.append(key)
        elif has_pedal:
            held.append(replace(key, is_down=False))
    return replace(keyboard, held=tuple(held))


def _press_deeper(keyboard: Keyboard, channel: Channel, note: int | None, pressure: int) -> Keyboard:
    """Set the pressure of a key, or of all keys of a channel."""
    held = tuple(
        replace(key, pressure=pressure) if key.is_of(*channel) and note in (None, key.key) else key
        for key in keyboard.held
    )
    return keyboard if held == keyboard.held else replace(keyboard, held=held)


def _set_pedal(keyboard: Keyboard, pedal: Channel, is_down: bool) -> Keyboard:
    if is_down:
        return replace(keyboard, pedals=keyboard.pedals | {pedal})
    held = tuple(key for key in keyboard.held if key.is_down or not key.is_of(*pedal))
    return replace(keyboard, held=held, pedals=keyboard.pedals - {pedal})


def _follow_chords(keyboard: Keyboard, values: Values) -> Keyboard:
    return replace(keyboard, is_arpeggio=values["chords"] == "arpeggio")


def _keep_player_voices(keyboard: Keyboard, values: Values) -> Keyboard:
    kept = frozenset(voice for voice in Voice if is_player(values, voice))
    held = tuple(key for key in keyboard.held if key.voice in kept)
    touches = frozenset(touch for touch in keyboard.touches if touch[0] in kept)
    return replace(keyboard, held=held, touches=touches)


def _order(key: HeldKey | None) -> int | None:
    return None if key is None else key.order
