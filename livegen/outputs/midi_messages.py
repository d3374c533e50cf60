"""The MIDI messages of a frame of the score, and of the keys that the performer holds: values and pure functions.

`frame_messages` gives those of the model's voices, `thru_messages` those of the performer's keys. Two voices may share
a channel and play the same key there. So all messages of an output pass through a `KeyBook`, which ends every note_on
exactly once.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import mido

from livegen.outputs.midi_settings import MidiOutSettings
from livegen.score import N_VOICES, TIMBRE_MAX, Voice, is_onset
from livegen.score_table import MODEL, RELEASE_AFTER_FRAMES, PlannedFrame
from livegen.units import FRAME_RATE_HZ, MAX_VELOCITY, MAX_VOLUME

ALL_CHANNELS: Final = tuple(range(16))
_VOLUME_CONTROL: Final = 11
_TIMBRE_CONTROL: Final = 12
_SUSTAIN: Final = 64
_ALL_SOUND_OFF: Final = 120
_ALL_NOTES_OFF: Final = 123
_NO_MUTES: Final = (False,) * N_VOICES
_PLAIN: Final = MidiOutSettings()


@dataclass(frozen=True, slots=True)
class VoiceState:
    """What a voice did last.

    Attributes
    ----------
    note, volume : int
        Note and volume of its last frame; note 0 is silence.
    key : int or None
        MIDI key that sounds.
    is_hushed : bool
        Whether a panic silenced it. It stays silent until its next onset.
    attack : int
        Volume with which the sounding note began.
    told : tuple of (int or None)
        The values of CC 11 and CC 12 that the receiver was sent last.
    """

    note: int = 0
    volume: int = 0
    key: int | None = None
    is_hushed: bool = False
    attack: int = 0
    told: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True, slots=True)
class OutputState:
    """What all voices did last, and how many frames in a row were missing."""

    voices: tuple[VoiceState, ...] = field(default=(VoiceState(),) * N_VOICES)
    missing: int = 0


@dataclass(frozen=True, slots=True)
class ThruKey:
    """A key that the performer holds.

    Attributes
    ----------
    source : str
        Where it is played.
    voice : Voice
        Voice that it plays.
    key : int
        MIDI key, 0..127, as the voice takes it.
    note : int
        Note in the score; for NO, the noise note.
    velocity : int
        1..127.
    order : int
        Number of this key press among all that there were.
    """

    source: str
    voice: Voice
    key: int
    note: int
    velocity: int
    order: int


def frame_messages(
    state: OutputState,
    planned: PlannedFrame | None,
    muted: Sequence[bool] = _NO_MUTES,
    settings: MidiOutSettings = _PLAIN,
) -> tuple[OutputState, list[mido.Message]]:
    """Return the messages of one frame and the state after it.

    Parameters
    ----------
    state : OutputState
    planned : PlannedFrame or None
        The frame that begins now. None if it is missing; then the notes are held for half a second.
    muted : sequence of bool
        Voices that send nothing.
    settings : MidiOutSettings

    Returns
    -------
    OutputState
    list of mido.Message
        In the order of the voices. The `time` of a message is when it is due, in seconds since the frame began. It is
        negative for an early onset.
    """
    if planned is None:
        state = replace(state, missing=state.missing + 1)
        return release(state, settings) if state.missing == RELEASE_AFTER_FRAMES else (state, [])
    voices, messages = [], []
    for voice in Voice:
        after, sent = voice_messages(voice, state.voices[voice], planned, is_muted=muted[voice], settings=settings)
        voices.append(after)
        messages += sent
    return OutputState(tuple(voices)), messages


def voice_messages(
    voice: Voice,
    before: VoiceState,
    planned: PlannedFrame,
    *,
    is_muted: bool = False,
    settings: MidiOutSettings = _PLAIN,
) -> tuple[VoiceState, list[mido.Message]]:
    """Return one voice's messages of a frame and its state after it; see `frame_messages`."""
    out = settings.voices[voice]
    if planned.owner[voice] != MODEL or is_muted or out.channel is None:
        note = volume = timbre = 0
    else:
        note, volume, timbre = (int(value) for value in planned.frame[voice])
    is_audible = note > 0 and (volume > 0 or voice is Voice.TR)
    attacks = is_audible and is_onset(before.note, before.volume, note, volume)
    is_hushed = before.is_hushed and is_audible and not attacks
    # a note also begins if its volume rises from 0 too slowly to be an onset
    begins = attacks or (is_audible and before.key is None and not is_hushed)
    after = replace(before, note=note, volume=volume, is_hushed=is_hushed)
    messages: list[mido.Message] = []
    at = float(planned.onset_offset[voice]) / FRAME_RATE_HZ
    if before.key is not None and (begins or not is_audible):
        messages.append(_note_off(settings, voice, before.key, at))
        after = replace(after, key=None)
    if begins:
        after = replace(after, key=settings.key(voice, note), attack=volume)
    if after.key is not None and settings.expression != "off":
        after, told = _tell(settings, voice, after, timbre, at)
        messages += told
    if begins:
        velocity = out.velocity_of(None if voice is Voice.TR else volume / MAX_VOLUME)
        messages.append(mido.Message("note_on", channel=out.channel, note=after.key, velocity=velocity, time=at))
    return after, messages


def release(state: OutputState, settings: MidiOutSettings = _PLAIN) -> tuple[OutputState, list[mido.Message]]:
    """Return the messages that end every note, and the state after it: each voice begins again with its next frame."""
    messages = [_note_off(settings, voice, key) for voice in Voice if (key := state.voices[voice].key) is not None]
    return OutputState(tuple(VoiceState(told=voice.told) for voice in state.voices), state.missing), messages


def hush(state: OutputState, settings: MidiOutSettings = _PLAIN) -> tuple[OutputState, list[mido.Message]]:
    """Return the messages that end every note, and the state after it: each voice waits for its next onset."""
    _, messages = release(state, settings)
    voices = tuple(replace(voice, key=None, is_hushed=True) for voice in state.voices)
    return OutputState(voices, state.missing), messages


def thru_messages(before: Sequence[ThruKey], after: Sequence[ThruKey], settings: MidiOutSettings) -> list[mido.Message]:
    """Return the messages for the change from one set of held keys to another. note_offs come first."""
    was, now = _thru_keys(before, settings), _thru_keys(after, settings)
    ended = [key for key in was if key not in now or now[key].order != was[key].order]
    begun = [key for key in now if key not in was or now[key].order != was[key].order]
    messages = [mido.Message("note_off", channel=channel, note=key, velocity=0) for channel, key in ended]
    for channel, key in begun:
        velocity = settings.voices[now[channel, key].voice].velocity_of(now[channel, key].velocity / MAX_VELOCITY)
        messages.append(mido.Message("note_on", channel=channel, note=key, velocity=velocity))
    return messages


def panic_messages(channels: Iterable[int]) -> list[mido.Message]:
    """Return the messages that silence channels, whatever was sent: pedal up, all notes off, all sound off."""
    return [
        mido.Message("control_change", channel=channel, control=control, value=0)
        for channel in channels
        for control in (_SUSTAIN, _ALL_NOTES_OFF, _ALL_SOUND_OFF)
    ]


def farewell_messages(state: OutputState, settings: MidiOutSettings) -> list[mido.Message]:
    """Return the messages that reset a receiver once its notes are ended: all notes off, and the volume full again."""
    messages = [_control(channel, _ALL_NOTES_OFF, 0) for channel in settings.channels]
    for out, voice in zip(settings.voices, state.voices, strict=True):
        if settings.expression == "relative" and out.channel is not None and voice.told[0] not in (None, MAX_VELOCITY):
            messages.append(_control(out.channel, _VOLUME_CONTROL, MAX_VELOCITY))
    return messages


class KeyBook:
    """The notes that are on at the receiver of an output, and how many voices or keys hold each of them.

    Attributes
    ----------
    on : Counter of (int, int)
        For each channel and key, how many note_ons have had no note_off yet.
    """

    def __init__(self) -> None:
        self.on: Counter[tuple[int, int]] = Counter()

    def admit(self, message: mido.Message) -> list[mido.Message]:
        """Return what to send for a message. A note that is on is ended before it is struck again, and only once."""
        if message.type not in ("note_on", "note_off"):
            return [message]
        key = message.channel, message.note
        if message.type == "note_on":
            self.on[key] += 1
            return [message] if self.on[key] == 1 else [_end(key), message]
        if self.on[key] <= 1:
            return [message] if self.on.pop(key, 0) else []
        self.on[key] -= 1  # another holds it
        return []

    def clear(self) -> list[mido.Message]:
        """Forget all that is on, and return the messages that end it."""
        ends = [_end(key) for key in sorted(self.on)]
        self.on.clear()
        return ends


def _tell(
    settings: MidiOutSettings, voice: Voice, state: VoiceState, timbre: int, at: float
) -> tuple[VoiceState, list[mido.Message]]:
    """Return the state and the messages that tell a sounding note's volume and timbre, if the receiver knows others."""
    volume_value: int | None = state.volume
    timbre_value: int | None = timbre
    if settings.expression == "relative":
        volume_value = min(round(MAX_VELOCITY * state.volume / max(state.attack, 1)), MAX_VELOCITY)
        timbre_value = MAX_VELOCITY * timbre // max(TIMBRE_MAX[voice], 1)
    if voice is Voice.TR:
        volume_value = timbre_value = None
    channel = settings.voices[voice].channel
    values = (volume_value, timbre_value)
    messages = [
        _control(channel, control, value, at)
        for control, value, known in zip((_VOLUME_CONTROL, _TIMBRE_CONTROL), values, state.told, strict=True)
        if value is not None and value != known
    ]
    return replace(state, told=values), messages


def _thru_keys(held: Sequence[ThruKey], settings: MidiOutSettings) -> dict[tuple[int, int], ThruKey]:
    """Return the keys that are to be on, by channel and key. Of two that meet there, the one pressed last counts."""
    keys: dict[tuple[int, int], ThruKey] = {}
    for held_key in sorted(held, key=lambda each: each.order):
        channel = settings.voices[held_key.voice].channel
        if channel is not None:
            note = held_key.note if held_key.voice is Voice.NO else held_key.key
            keys[channel, settings.key(held_key.voice, note)] = held_key
    return keys


def _note_off(settings: MidiOutSettings, voice: Voice, key: int, at: float = 0.0) -> mido.Message:
    return mido.Message("note_off", channel=settings.voices[voice].channel, note=key, velocity=0, time=at)


def _end(key: tuple[int, int]) -> mido.Message:
    return mido.Message("note_off", channel=key[0], note=key[1], velocity=0)


def _control(channel: int | None, control: int, value: int, at: float = 0.0) -> mido.Message:
    return mido.Message("control_change", channel=channel, control=control, value=value, time=at)
