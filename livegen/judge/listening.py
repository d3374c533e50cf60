"""Does it listen? Melodies of real songs are played to it, and what it adds is compared with what the song has.

The melody is one voice of a song, played as a performer would. The model has the other voices.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.tonality import CLASHES
from livegen.judge.notes import changes, intervals, notes_of, pitch_classes
from livegen.judge.stage import Stage, keys_of, roles, spread
from livegen.judge.statistics import on_grid
from livegen.score import PITCHED, Voice
from livegen.training.data.songs import Songs
from livegen.training.histograms import jensen_shannon
from livegen.units import FRAME_RATE_HZ, frame_to_seconds, seconds_to_frame

N_SONGS: Final = 16
MELODY_SECONDS: Final = 40

_FEWEST_ONSETS: Final = 40
_LEAST_SOUND: Final = {Voice.P1: 0.6, Voice.TR: 0.4}
_LEAST_LEAD: Final = 0.5
"""What is played to it has this many changes; the song's melody and bass, and the voice that is played, sound for these
shares of the time."""

_SETTLED_FRAMES: Final = 4 * FRAME_RATE_HZ
"""From here on onsets are held against the beat, which has to be found first."""

_KEY_BEFORE_FRAMES: Final = 8 * FRAME_RATE_HZ
_KEY_AFTER_FRAMES: Final = 4 * FRAME_RATE_HZ
_FEWEST_IN_KEY: Final = 4
"""The melody's key at a time is its pitch classes up to 8 s before and 4 s after it, if they are at least four."""


@dataclass(frozen=True)
class Duet:
    """One song as it is, and as the model played along with one voice of it: ``uint8 (n, 4, 3)`` each."""

    song: NDArray[np.uint8]
    played: NDArray[np.uint8]
    period_frames: float


def melodies(songs: Songs, lead: Voice) -> list[int]:
    """Return `N_SONGS` songs with a clear beat and a part for the voice that is worth playing along with, by index.

    Raises
    ------
    TrainingError
        If there is none.
    """
    n_frames = seconds_to_frame(MELODY_SECONDS)
    found = []
    for i in range(len(songs)):
        song = songs.song(i)[:n_frames]
        sounds = (song[..., 0] > 0).mean(0)
        is_full = all(sounds[voice] >= least for voice, least in _LEAST_SOUND.items()) and sounds[lead] >= _LEAST_LEAD
        n_onsets = len(changes(notes_of(song, lead)))
        if len(song) == n_frames and is_full and songs.beats[i] is not None and n_onsets >= _FEWEST_ONSETS:
            found.append(i)
    return spread(found, N_SONGS, len(songs), f"lasts {MELODY_SECONDS} s with a clear beat and a part for {lead.name}")


def judge_listening(
    stage: Stage,
    songs: Songs,
    *,
    lead: Voice = Voice.P1,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> tuple[dict[str, Any], list[Duet]]:
    """Play a voice of songs to a model, and compare the others with those of the songs.

    Parameters
    ----------
    lead : Voice
        P1, P2 or TR.
    progress : callable
        Called after every song.

    Returns
    -------
    dict
        By voice, ``model`` and ``songs``: ``clash`` with the melody, a share of time; ``in_key``, the share of its
        time in the melody's key; ``onsets_a_second``, ``coherence`` with the song's beat and ``entry_seconds``, the
        median over songs each, None where no song has one. ``intervals``: distance of the intervals to the melody from
        those of the songs, and as ``limit`` that of one half of the songs from the other.
    list of Duet
        What was judged, for pictures.
    """
    n_frames = seconds_to_frame(MELODY_SECONDS)
    duets = []
    for index in melodies(songs, lead):
        song, beat = songs.song(index)[:n_frames], songs.beats[index]
        assert beat is not None
        played = stage.play(n_frames, seed=seed, controls=roles(lead), keys=keys_of(song[:, lead], lead))
        duets.append(Duet(song, played, beat.period_frames))
        progress()
    return compare(duets, lead), duets


def compare(duets: Sequence[Duet], lead: Voice) -> dict[str, Any]:
    """Return the figures of `judge_listening`."""
    sides = {"model": [each.played for each in duets], "songs": [each.song for each in duets]}
    periods = [each.period_frames for each in duets]
    others = [voice for voice in Voice if voice is not lead]
    pitched = [voice for voice in others if voice in PITCHED]
    figures: dict[str, Any] = {"n_songs": len(duets), "clash": {}, "in_key": {}, "intervals": {}}
    for one, other in [(lead, voice) for voice in pitched] + [(pitched[0], pitched[1])]:
        name = other.name if one is lead else f"{one.name} with {other.name}"
        of = {side: np.array([_intervals(frames, one, other) for frames in pieces]) for side, pieces in sides.items()}
        figures["clash"][name] = {side: _share_of(each.sum(0), CLASHES) for side, each in of.items()}
        if one is lead:
            figures["in_key"][name] = {side: _in_key(pieces, lead, other) for side, pieces in sides.items()}
            figures["intervals"][name] = {
                "distance": jensen_shannon(of["model"].sum(0), of["songs"].sum(0)),
                "limit": jensen_shannon(of["songs"][::2].sum(0), of["songs"][1::2].sum(0)),
            }
    for what, measure in (
        ("onsets_a_second", lambda notes, _: len(changes(notes)) / frame_to_seconds(len(notes))),
        ("coherence", on_beat),
        ("entry_seconds", lambda notes, _: frame_to_seconds(int(np.argmax(np.append(notes, 1) > 0)))),
    ):
        figures[what] = {
            voice.name: {
                side: _median(list(map(measure, [notes_of(frames, voice) for frames in pieces], periods)))
                for side, pieces in sides.items()
            }
            for voice in others
        }
    return figures


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def on_beat(notes: NDArray[np.int64], period_frames: float) -> float | None:
    """Return how well a voice's onsets keep to halves or quarters of the beat, 0..1; None where they are too few."""
    onsets = changes(notes)
    onsets = onsets[onsets > _SETTLED_FRAMES]
    if len(onsets) <= 10:
        return None
    return on_grid(onsets, period_frames)


def _intervals(frames: NDArray[np.uint8], one: Voice, other: Voice) -> NDArray[np.int64]:
    return intervals(notes_of(frames, one), notes_of(frames, other))


def _share_of(counts: NDArray[np.int64], which: Sequence[int]) -> float:
    return float(counts[list(which)].sum() / max(counts.sum(), 1))


def _in_key(pieces: Sequence[NDArray[np.uint8]], lead: Voice, voice: Voice) -> float:
    n_in, n = 0, 0
    for frames in pieces:
        melody, notes = notes_of(frames, lead), notes_of(frames, voice)
        for at in range(_SETTLED_FRAMES, len(frames), FRAME_RATE_HZ):
            key = pitch_classes(melody[max(at - _KEY_BEFORE_FRAMES, 0) : at + _KEY_AFTER_FRAMES]) > 0
            sounding = pitch_classes(notes[at : at + FRAME_RATE_HZ])
            if key.sum() >= _FEWEST_IN_KEY:
                n_in, n = n_in + int(sounding[key].sum()), n + int(sounding.sum())
    return n_in / max(n, 1)
