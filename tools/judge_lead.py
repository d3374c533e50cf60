"""Lead the model by chords of the lattice under real melodies, and see whether it goes along and clashes no more.

    python tools/judge_lead.py DATA [--model default] [--from lattice] [--songs 13] [--seed 0] [--pull 0 1]

DATA is what `livegen eval` takes. The melody of each song is played to the model, and every two seconds the triad that
fits the melody of the next two seconds best is chosen on the lattice. Of the notes of P2 and the triangle that begin
from the second frame after a choice on, it tells how many are in the chord and in the chord or its scale; and the share
of time in which each voice clashes with the melody, its onsets a second, and how long one draw that is led takes. With
`--from model` nothing is chosen, and the chords of the model `tonnetz` lead: then it tells all but what is in the
chord, and how long a frame takes in which a slice is heard, the chord after it told, and the frame drawn that it leads.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livegen.controls import DEFAULTS
from livegen.engines.protocol import Conducts, Sampling
from livegen.engines.tonality import CLASHES, Key
from livegen.engines.triads import scale_pitch_classes, triad_pitch_classes
from livegen.events import Event, SetControl
from livegen.judge.listening import MELODY_SECONDS, melodies
from livegen.judge.notes import changes, intervals, notes_of
from livegen.judge.stage import Stage, keys_of, roles
from livegen.performance.harmony.lead import led
from livegen.performance.harmony.walk import name_of
from livegen.performance.performance import advance, begin
from livegen.score import Voice
from livegen.training.data.sources import VALID, Heard, load_songs
from livegen.units import FRAME_RATE_HZ, frame_to_seconds, seconds_to_frame

CHORD_FRAMES = 2 * FRAME_RATE_HZ
AFTER_FRAMES = 2
"""The frames that stand already when a chord is chosen."""

TRIADS = [Key(tonic, is_minor) for tonic in range(12) for is_minor in (False, True)]


def fitting(melody: NDArray[np.int64]) -> Key:
    """Return the triad of which most of a melody's time is; of several, the one in whose scale most of the rest is."""
    chroma = np.bincount(melody[melody > 0] % 12, minlength=12)

    def share(mask: int) -> int:
        return int(chroma[[each for each in range(12) if mask >> each & 1]].sum())

    return max(TRIADS, key=lambda triad: (share(triad_pitch_classes(triad)), share(scale_pitch_classes(triad))))


def tell_times(stage: Stage, seed: int) -> None:
    """Print how long a slice takes, and the frame that is planned on it."""
    assert isinstance(stage.conductor, Conducts)
    values = {**DEFAULTS, "p1.role": "model", "bpm": 120.0, "chord_from": "model", "lookahead": 2}
    state = begin(stage.engine, values, seed=seed, conductor=stage.conductor)
    took: dict[bool, list[float]] = {False: [], True: []}
    for frame_index in range(1, 200 * 12):
        before = state.timeline.steps[-1].context.ear if state.timeline.steps else None
        began = time.perf_counter()
        state, _, _ = advance(state, frame_index)
        seconds = time.perf_counter() - began
        ear = state.timeline.steps[-1].context.ear
        took[before is not None and before.foretold is not ear.foretold].append(seconds)
    for is_slice, what in ((True, "with a new slice"), (False, "without one")):
        p50, p99 = 1000 * np.quantile(took[is_slice], [0.5, 0.99])
        sys.stdout.write(f"a frame {what} takes {p50:.2f} ms, p99 {p99:.2f} ms, of {len(took[is_slice])}\n")


def main() -> None:
    """Print a line for each pull that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--from", dest="leader", choices=["lattice", "model"], default="lattice")
    parser.add_argument("--songs", type=int, default=13)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pull", type=float, nargs="+", default=[0.0, 1.0])
    asked = parser.parse_args()
    songs = load_songs(asked.data, VALID, Heard())
    stage = Stage(Path(__file__).parent.parent / "models" / asked.model)
    n_frames = seconds_to_frame(MELODY_SECONDS)
    for pull in asked.pull:
        n_new, n_chord, n_scale, n_chosen = 0, 0, 0, 0
        clash, both, n_onsets = (dict.fromkeys((Voice.P2, Voice.TR), 0) for _ in range(3))
        chosen = melodies(songs, Voice.P1)[: asked.songs]
        for index in chosen:
            song = songs.song(index)[:n_frames]
            melody = notes_of(song, Voice.P1)
            chords = [fitting(melody[at : at + CHORD_FRAMES]) for at in range(0, n_frames, CHORD_FRAMES)]
            touches: list[tuple[float, Event]] = [
                (frame_to_seconds(number * CHORD_FRAMES), SetControl("tonnetz.chord", name_of(chord)))
                for number, chord in enumerate(chords)
            ]
            is_chosen = asked.leader == "lattice"
            keys = keys_of(song[:, Voice.P1], Voice.P1)
            events = sorted([*keys, *touches], key=lambda each: each[0]) if is_chosen else keys
            controls = {**roles(Voice.P1), "chord_pull": pull, "chord_from": asked.leader}
            played = stage.play(n_frames, seed=asked.seed, controls=controls, keys=events)
            n_chosen += len(chords)
            for voice in clash:
                notes = notes_of(played, voice)
                for at in changes(notes):
                    if at % CHORD_FRAMES >= AFTER_FRAMES:
                        chord, pitch_class = chords[at // CHORD_FRAMES], 1 << int(notes[at]) % 12
                        n_new += 1
                        n_chord += bool(triad_pitch_classes(chord) & pitch_class)
                        n_scale += bool((scale_pitch_classes(chord) | triad_pitch_classes(chord)) & pitch_class)
                n_onsets[voice] += len(changes(notes))
                together = intervals(melody, notes)
                both[voice] += int(together.sum())
                clash[voice] += int(together[list(CLASHES)].sum())
        seconds = MELODY_SECONDS * len(chosen)
        led_by = (
            f"{n_chosen} chords, {n_new} new notes, in the chord {n_chord / n_new:.2f}, in it or its scale "
            f"{n_scale / n_new:.3f}; "
        )
        sys.stdout.write(
            f"pull {pull:g}: {led_by if asked.leader == 'lattice' else ''}clash "
            + ", ".join(f"{voice.name} {clash[voice] / both[voice]:.3f}" for voice in clash)
            + "; onsets a second "
            + ", ".join(f"{voice.name} {n_onsets[voice] / seconds:.1f}" for voice in n_onsets)
            + "\n"
        )
    if asked.leader == "model":
        tell_times(stage, asked.seed)
        return
    took = []
    for frame_index in range(2000):
        began = time.perf_counter()
        led(Sampling(), TRIADS[0], 1.0, seed=1, frame_index=frame_index, phase=0.5, sounding=[60, 64, 48, 3], keys=[60])
        took.append(time.perf_counter() - began)
    sys.stdout.write(f"what a chord does to a draw takes {1000 * np.quantile(took, 0.99):.3f} ms, p99\n")


if __name__ == "__main__":
    main()
