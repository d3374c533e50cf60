"""What happens on each channel of a tracker: the changes of a score's voices, at ticks.

A writer puts them into rows. Notes that the performer played, and those of voices that the patch gives its own sound,
sound by an instrument that has the patch's macros; all others by a plain one, with the volume and timbre of the score.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.formats.score.piece import Piece
from livegen.formats.tracker.ticks import PLAYER_SUFFIX, frame_ticks
from livegen.patch import Drum, Macro, VoicePatch
from livegen.score import TIMBRE_MAX, VOLUME_MAX, Voice, onsets, validate_frames
from livegen.units import ENGINE_RATE_HZ, MAX_VOLUME

CUT: Final = 0
"""A note that ends the one before."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """How notes sound.

    Attributes
    ----------
    name : str
    voice : Voice
    patch : VoicePatch or None
        None if notes sound as the score says.
    drum : Drum or None
        What a noise note plays instead of the patch's sound.
    """

    name: str
    voice: Voice
    patch: VoicePatch | None = None
    drum: Drum | None = None

    @property
    def macros(self) -> Mapping[str, Macro]:
        """The macros that do something, by their names in a patch."""
        if self.patch is None:
            return {}
        names = ("volume", "arpeggio", "pitch", "hi_pitch", "timbre")
        said = {name: getattr(self.drum, name, getattr(self.patch, name)) for name in names}
        idle = {"volume": (MAX_VOLUME,)}
        return {name: macro for name, macro in said.items() if macro.values != idle.get(name, (0,)) or name == "timbre"}

    @property
    def is_released(self) -> bool:
        """Whether notes sound on after their end, by the volume macro."""
        volume = self.macros.get("volume")
        return volume is not None and (volume.release is not None or (volume.values[-1] == 0 and volume.loop is None))


@dataclass(frozen=True, slots=True)
class Change:
    """What happens on a channel at a tick; None for what stays.

    Attributes
    ----------
    tick : int
    volume_now, timbre_now : int
        What is in force from then on; of a voice without any, nothing.
    note : int or None
        A note of the score, or `CUT`.
    instrument : Instrument or None
        With a note.
    volume, timbre : int or None
    is_glide : bool
        Whether the note begins while another sounds.
    """

    tick: int
    volume_now: int = MAX_VOLUME
    timbre_now: int = 0
    note: int | None = None
    instrument: Instrument | None = None
    volume: int | None = None
    timbre: int | None = None
    is_glide: bool = False


def with_all_said(change: Change) -> Change:
    """Return the beginning of a note that also says the volume and the timbre that are in force.

    The first note of each pattern does, so that patterns that sound alike are alike.
    """
    is_plain = change.instrument is not None and change.instrument.patch is None
    if change.instrument is None:
        return change
    voice = change.instrument.voice
    return replace(
        change,
        volume=change.volume_now if VOLUME_MAX[voice] else None,
        timbre=change.timbre_now if TIMBRE_MAX[voice] and is_plain else change.timbre,
    )


def changes_of(piece: Piece, rate_hz: float = ENGINE_RATE_HZ) -> list[list[Change]]:
    """Return the changes on each voice, ascending, at so many ticks a second.

    A note whose volume is 0 does not sound, and nothing has a volume that does not sound.

    Raises
    ------
    ScoreError
        If the frames break the ranges of a score.
    """
    frames = validate_frames(piece.frames)
    attacks, ticks = onsets(frames), frame_ticks(len(frames), rate_hz).tolist()
    return [_voice_changes(piece, voice, frames[:, voice], attacks[:, voice], ticks) for voice in Voice]


def instruments_of(changes: Iterable[Iterable[Change]]) -> list[Instrument]:
    """Return the instruments of all voices' changes, each once, in the order in which they are first used."""
    used = (change.instrument for of_voice in changes for change in of_voice)
    return list(dict.fromkeys(instrument for instrument in used if instrument is not None))


def _voice_changes(
    piece: Piece, voice: Voice, states: NDArray[np.uint8], attacks: NDArray[np.bool_], ticks: list[int]
) -> list[Change]:
    instrument_of = _Choice(piece, voice)
    is_player = piece.is_player[:, voice]
    changes = []
    note, volume, timbre, played, is_patch = CUT, MAX_VOLUME, 0, False, False
    for at, (new_note, new_volume, new_timbre) in enumerate(states.tolist()):
        new_note = new_note if new_volume or not VOLUME_MAX[voice] else CUT
        strikes = new_note > 0 and (attacks[at] or note == CUT or bool(is_player[at]) != played)
        instrument = instrument_of(new_note, bool(is_player[at])) if strikes else None
        if strikes or new_note != note:
            is_patch = instrument is not None and instrument.patch is not None
        said_volume = new_volume if VOLUME_MAX[voice] and new_note and new_volume != volume else None
        said_timbre = new_timbre if new_timbre != timbre and not (new_note and is_patch) else None
        volume = volume if said_volume is None else said_volume
        timbre = timbre if said_timbre is None else said_timbre
        if strikes or new_note != note or said_volume is not None or said_timbre is not None:
            changes.append(
                Change(
                    tick=ticks[at],
                    volume_now=volume,
                    timbre_now=timbre,
                    note=new_note if strikes or new_note != note else None,
                    instrument=instrument,
                    volume=said_volume,
                    timbre=said_timbre,
                    is_glide=strikes and note != CUT,
                )
            )
        note, played = new_note, bool(is_player[at])
    return changes


class _Choice:
    """Chooses the instrument of a note; the same one for the same note."""

    def __init__(self, piece: Piece, voice: Voice) -> None:
        self._voice = voice
        self._patch = piece.patch
        self._known: dict[tuple[bool, int], Instrument] = {}

    def __call__(self, note: int, is_player: bool) -> Instrument:
        drum_key = self._drum_key(note) if self._sounds_by_patch(is_player) else -1
        key = (is_player, drum_key)
        if key not in self._known:
            name = self._voice.name + (f" drum {drum_key}" if drum_key >= 0 else "")
            name += PLAYER_SUFFIX if is_player else ""
            patch = self._patch
            if patch is None or not self._sounds_by_patch(is_player):
                self._known[key] = Instrument(name, self._voice)
            else:
                self._known[key] = Instrument(name, self._voice, patch.voices[self._voice], patch.drums.get(drum_key))
        return self._known[key]

    def _sounds_by_patch(self, is_player: bool) -> bool:
        patch = self._patch
        return patch is not None and (is_player or patch.voices[self._voice].model_sound == "patch")

    def _drum_key(self, note: int) -> int:
        if self._patch is None or self._voice is not Voice.NO:
            return -1
        return next((key for key, drum in self._patch.drums.items() if drum.note == note), -1)
