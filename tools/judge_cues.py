"""Give cues to sessions on the offline clock, and count how often each does what a band does at a nod.

    python tools/judge_cues.py [ends|bars|fills] [--seed 0] [--show]

`ends` ends 40 sessions of all modes in which the model plays, at several tempos and with every kind of engine: whether
all voices stop within a frame of each other and within two bars, and whether the last bass note is the tonic. `bars`
gives each cue 20 times under the session's own tempo and under a MIDI clock, and says how far from a bar line its first
frame is. `fills` counts the attacks of the noise voice in a bar of fill and in the bar before it.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from livegen.controls import Value
from livegen.engines.cast import Cast
from livegen.engines.checkpoint import load_engine
from livegen.engines.ensemble import assemble
from livegen.engines.protocol import Engine
from livegen.engines.tonality import Key
from livegen.events import ClockTick, Event, NoteOff, NoteOn, SetControl
from livegen.instrument.instrument import Instrument
from livegen.offline.clock import OfflineClock
from livegen.patch import load_patch
from livegen.performance.cues.cue import Cue
from livegen.performance.timeline import Step
from livegen.score import N_VOICES, PITCHED, Column, Voice, onsets
from livegen.score_table import MODEL
from livegen.units import FRAME_RATE_HZ, MIDI_CLOCK_PPQN, bpm_to_period

RATE = 24_000
MODELS = Path(__file__).parent.parent / "models"
MODES = ("accompany", "answer", "trade", "free")
BPMS = (72, 96, 110, 120, 133, 150, 165, 180)
CASTS = (
    Cast("default"),
    Cast("gan"),
    Cast("vae"),
    Cast("default").with_voice(Voice.NO, "gan"),
    Cast("vae").with_voice(Voice.TR, "default"),
)
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)
CLASSICS = np.array(
    [
        [16.80, 0.86, 12.95, 1.41, 13.49, 11.93, 1.25, 20.28, 1.80, 8.04, 0.62, 10.57],
        [18.16, 0.69, 12.99, 13.34, 1.07, 11.15, 1.38, 21.07, 7.49, 1.53, 0.92, 10.21],
    ]
)
"""How well pitch classes fit a major and a minor key, from the tonic up: H. Bellman, "About the Determination of Key of
a Musical Excerpt", 2005, after counts by H. Budge; not what the session itself goes by."""


@cache
def engine_of(cast: Cast) -> Engine:
    """Return the engine of a cast of shipped models."""
    models = {name: load_engine(MODELS / name) for name in cast.models}
    for model in models.values():
        model.warm_up()
    return assemble(cast, models)


@dataclass
class Jam:
    """A session on the offline clock, with a performer and, if it is asked for, a MIDI clock."""

    instrument: Instrument
    clock_bpm: float = 0.0
    keys: list[tuple[float, Event]] = field(default_factory=list)  # by time in frames, ascending
    frame_index: int = 0
    n_ticks: int = 0
    cue: Cue | None = None  # the last that was planned, as it was last seen
    stopped: int | None = None  # the frame in which the session had stopped

    def play(self, n_frames: int, *events: Event) -> None:
        """Play so many frames, with events in the middle of the first."""
        clock, instrument = OfflineClock(RATE), self.instrument
        if self.frame_index == 0:
            instrument.play_frame(0, clock.position_at)
        for k in range(n_frames):
            due = [(self.frame_index + 0.5, event) for event in events] if k == 0 else []
            while self.clock_bpm and self._tick() < self.frame_index + 1:
                due.append((self._tick(), ClockTick()))
                self.n_ticks += 1
            while self.keys and self.keys[0][0] < self.frame_index + 1:
                due.append(self.keys.pop(0))
            for position, event in sorted(due, key=lambda each: each[0]):
                source = "midi:clock" if isinstance(event, ClockTick) else "midi:keys"
                instrument.receive(event, source, round(position * 1e9 / FRAME_RATE_HZ))
            self.frame_index += 1
            instrument.play_frame(self.frame_index, clock.position_at)
            pending = instrument.state.cues.pending
            self.cue = pending[-1] if pending else self.cue
            if self.stopped is None and not instrument.state.is_running:
                self.stopped = instrument.state.horizon

    def _tick(self) -> float:
        return self.n_ticks * bpm_to_period(self.clock_bpm) / MIDI_CLOCK_PPQN + 1.0

    def steps(self, first: int, until: int) -> Sequence[Step]:
        """Return frames that were played."""
        return self.instrument.state.timeline.since(first)[: until - first]


def jam(cast: Cast, seed: int, *, clock_bpm: float = 0.0, **controls: Value) -> Jam:
    """Return a session that has played nothing."""
    instrument = Instrument(engine_of(cast), load_patch("plain"), RATE, controls=controls, seed=seed, n_channels=1)
    return Jam(instrument, clock_bpm)


def tune(key: Key, bpm: float, n_frames: int, draw: np.random.Generator) -> list[tuple[float, Event]]:
    """Return a melody of plain phrases in a key: notes of I, IV, V and I on the beats, and steps between them."""
    scale = MINOR if key.is_minor else MAJOR
    period, keys, at, degree = bpm_to_period(bpm), [], 0.0, 0
    chords = ((0, 2, 4), (3, 5, 7), (4, 6, 8), (0, 2, 4))
    while at < n_frames:
        bar = int(at / period / 4)
        length = float(draw.choice([1.0, 1.0, 0.5, 2.0]))
        is_on_beat = (at / period) % 1.0 < 0.01
        degree = int(draw.choice(chords[bar % 4])) if is_on_beat else degree + int(draw.choice([-1, 1]))
        note = 60 + key.tonic + 12 * (degree // 7) + scale[degree % 7]
        keys += [(at, NoteOn(0, note, 90)), (at + 0.9 * length * period, NoteOff(0, note))]
        at += length * period
    return sorted(keys, key=lambda each: each[0])


def key_of(steps: Sequence[Step]) -> int:
    """Return the tonic of the key that fits what was heard best, as another method has it."""
    chroma = np.zeros(12)
    for step in steps:
        for voice in PITCHED:
            note = int(step.planned.frame[voice, Column.NOTE])
            chroma[note % 12] += note > 0
    fits = [np.corrcoef(np.roll(profile, tonic), chroma)[0, 1] for tonic in range(12) for profile in CLASSICS]
    return int(np.argmax(fits)) // 2


def judge_ends(n_sessions: int = 40, seed: int = 0, *, shows: bool = False) -> None:
    """End sessions, and count how."""
    together = in_time = on_tonic = 0
    for i in range(n_sessions):
        draw = np.random.default_rng([seed, i])
        mode, cast, bpm = MODES[i % len(MODES)], CASTS[i // len(MODES) % len(CASTS)], float(draw.choice(BPMS))
        key = Key(int(draw.integers(12)), bool(draw.integers(2)))
        is_clocked, has_player = i % 3 == 0, i % 2 == 0 or mode in ("answer", "trade")
        session = jam(cast, seed + i, clock_bpm=bpm * is_clocked, mode=mode, bpm=bpm if i % 3 == 1 else 0.0)
        first = int(draw.integers(300, 480))
        if has_player:
            session.keys = tune(key, bpm, first + 96, draw)
        session.play(first)
        heard = session.steps(first - 480, first)
        session.play(1, SetControl("end", True))
        state = session.instrument.state
        two_bars = 8 * state.tempo.period_frames
        session.play(int(two_bars) + 8)
        cue, stopped = session.cue, session.stopped
        assert cue is not None
        tail = session.steps(first, session.frame_index)
        owned = np.array([step.planned.owner == MODEL for step in tail])
        notes = np.array([step.planned.frame[:, Column.NOTE] for step in tail]) * owned
        last = [first + int(np.flatnonzero(notes[:, v])[-1]) if notes[:, v].any() else -1 for v in range(N_VOICES)]
        struck = [voice for voice in Voice if last[voice] >= cue.until.frame_index - 2]
        ends = [last[voice] for voice in struck]
        others = [voice for voice in Voice if voice not in struck and last[voice] > 0]
        is_together = (
            bool(ends)
            and max(ends) - min(ends) <= 1
            and not (set(others) & {v for v in Voice if state.values[f"{v.name.lower()}.role"] == "model"})
        )
        is_in_time = stopped is not None and max(ends, default=0) + 1 <= first + two_bars + 1
        tonic = key.tonic if has_player else key_of(heard)
        bass = notes[:, Voice.TR]
        last_bass = int(bass[bass > 0][-1]) if bass.any() else -1
        is_tonic = last_bass % 12 == tonic
        together, in_time, on_tonic = together + is_together, in_time + is_in_time, on_tonic + is_tonic
        if shows:
            out = sys.stdout.write
            out(
                f"{i:2} {mode:9} {cast!s:24} {state.tempo.source:6} {state.tempo.bpm:5.1f} "
                f"{'tune' if has_player else 'alone'} key {tonic} taken {cue.key} bass {last_bass} "
                f"cue {first} marks {[mark.frame_index for mark in cue.marks]} stopped {stopped} last {last} "
                f"{'' if is_together else 'APART'} {'' if is_in_time else 'LATE'} {'' if is_tonic else 'OTHER'}\n"
            )
    sys.stdout.write(f"all voices stop within a frame of each other: {together} of {n_sessions}\n")
    sys.stdout.write(f"within two bars of the cue: {in_time} of {n_sessions}\n")
    sys.stdout.write(f"the last bass note is the tonic: {on_tonic} of {n_sessions}\n")


GIVEN: dict[str, Value] = {
    **{"fill": True, "break": 1, "drop": True, "build": 2, "solo": "p2", "tutti": True, "end": True},
}


def judge_bars(n_times: int = 20, seed: int = 0, *, shows: bool = False) -> None:
    """Give each cue, and count how often its first frame, of an ending its last note, is that at a bar line."""
    for name, value in GIVEN.items():
        for what in ("own", "clock"):
            n_right, worst = 0, 0.0
            for i in range(n_times):
                draw = np.random.default_rng([seed, i])
                bpm = float(draw.integers(70, 190)) + float(draw.integers(10)) / 10
                session = jam(Cast("default"), seed + i, clock_bpm=bpm * (what == "clock"))
                session.play(int(draw.integers(60, 160)))
                session.play(1, SetControl(name, value))
                session.play(int(8 * session.instrument.state.tempo.period_frames) + 4)
                cue, tempo = session.cue, session.instrument.state.tempo
                assert cue is not None
                frame_index = (cue.strike or cue.begin).frame_index
                period = bpm_to_period(bpm) if what == "clock" else tempo.period_frames
                place = (frame_index - 1.0) / period if what == "clock" else tempo.beats_at(frame_index)
                off = abs((place / 4 + 0.5) % 1.0 - 0.5) * 4 * period
                n_right, worst = n_right + (off <= 1.0), max(worst, off)
            sys.stdout.write(
                f"{name:6} {what:6} on a bar line: {n_right} of {n_times}, {worst:.2f} frames off at most\n"
            )


def judge_fills(n_times: int = 20, seed: int = 0, *, shows: bool = False) -> None:
    """Count how often a fill has more attacks of the noise voice than the bar before it."""
    for cast in CASTS:
        n_more = 0
        for i in range(n_times):
            session = jam(cast, seed + i)
            session.play(200 + 7 * i)
            session.play(1, SetControl("fill", True))
            session.play(int(9 * session.instrument.state.tempo.period_frames))
            cue = session.cue
            assert cue is not None
            begin, until = cue.begin.frame_index, cue.until.frame_index
            bar = until - begin
            frames = np.array([step.planned.frame for step in session.steps(begin - bar - 1, until)])
            hits = onsets(frames)[1:, Voice.NO]
            before, filled = int(hits[:bar].sum()), int(hits[bar:].sum())
            n_more += filled > before
            if shows:
                sys.stdout.write(f"{cast} {i:2} {before:2} -> {filled:2}\n")
        sys.stdout.write(f"fill raises the noise voice's attacks, {cast}: {n_more} of {n_times}\n")


JUDGES = {"ends": judge_ends, "bars": judge_bars, "fills": judge_fills}


def main() -> None:
    """Judge what is named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", nargs="*", choices=[*JUDGES, []], help="all if left out")
    parser.add_argument("--show", action="store_true", help="print every session")
    parser.add_argument("--seed", type=int, default=0, help="of the sessions and of what is played to them")
    asked = parser.parse_args()
    for name in asked.what or JUDGES:
        JUDGES[name](seed=asked.seed, shows=asked.show)


if __name__ == "__main__":
    main()
