"""The instrument: what a session plays on, without a thread or a clock of its own.

It uses each event twice. First at once: a key goes through a ring buffer to the audio callback and sounds in the next
block; a level goes to the mix. Then once a frame: `play_frame` hands the events since the last frame to
`performance.advance` and publishes the plan.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen import score_table
from livegen.controls import CONTROLS, DEFAULTS, VOICE_PREFIX, Value, Values, with_value
from livegen.engines.protocol import Predictor
from livegen.events import CLOCK_EVENTS, Event, SetControl, SourceLost, StampedEvent
from livegen.outputs.callback import N_RINGS, RING_SIZE, begin_with_gains, new_callback, push_command
from livegen.patch import Patch
from livegen.performance.expression import Expression
from livegen.performance.keyboard import HeldKey, Keyboard, attacks, handle
from livegen.performance.performance import Call, advance, begin, follow
from livegen.performance.state import ControlInForce, Notation, State
from livegen.performance.turn import FrameReport, Turn
from livegen.score import Voice
from livegen.score_table import FrameBeat, PlannedFrame
from livegen.synth.bank import fill_bank, free_bank
from livegen.synth.commands import COMMAND, EXPRESS, GIVE_TO_MODEL, KEY_DOWN, KEY_UP, SET_CHORD, SILENCE_ALL, USE_BANK
from livegen.units import FRAME_RATE_HZ

COMMIT_MARGIN_SECONDS: Final = 0.0045
"""How long before the audio callback needs a frame the frame is planned for the last time; one block is added to it."""

_MAX_PENDING: Final = 4096
_PANIC: Final = SetControl("panic", True)
_LEVELS: Final = frozenset(
    {"volume", "metronome", "chord_ticks"}
    | {prefix + name for prefix in VOICE_PREFIX.values() for name in ("mute", "volume")}
)
"""Controls that the callback reads."""

_Taken = tuple[int, Event, str]
"""When an event happened, in nanoseconds, the event, and its source."""


def notation_of(patch: Patch) -> Notation:
    """Return how the score writes what is played with a patch."""
    return Notation(tuple(voice.timbre.values[0] for voice in patch.voices), patch.drum_notes)


def _without_repeats(taken: list[_Taken]) -> Iterator[_Taken]:
    """Yield events, but of the settings of one number or switch in a row of settings only the last.

    So a frame with a thousand moves of a fader costs no more than a frame with one.
    """
    last: dict[str, _Taken] = {}
    for stamped in taken:
        event = stamped[1]
        if isinstance(event, SetControl) and CONTROLS[event.name].kind in ("float", "int", "bool"):
            last.pop(event.name, None)
            last[event.name] = stamped
            continue
        yield from last.values()
        last = {}
        yield stamped
    yield from last.values()


class Instrument:
    """An audio callback, a predictor, and the performance that connects them.

    Parameters
    ----------
    predictor : Predictor
    patch : Patch
        How the player's notes sound, and controls that differ from their defaults.
    sample_rate : int
        In Hz.
    controls : mapping, optional
        Values over those of the patch, by full name.
    seed : int
        Of all draws.
    n_channels : int
        Number of audio channels.
    is_apart : bool
        Whether there are four audio channels instead, one for each voice.
    patches : mapping of str to Patch
        Patches that the control ``patch`` can change to.

    Attributes
    ----------
    callback : ndarray of CALLBACK, shape (1,)
    state : State
        Of the performance; belongs to the thread that calls `play_frame`.
    latency_seconds : float
        Time from when a sample is made to when it is heard. A tick of an outer clock belongs to the sample that is
        heard at it, which was made this much earlier.
    n_lost : int
        Events and commands that were lost because they came faster than they could be taken.
    n_missed_plans : int
        Frames whose new plan came after the callback had taken the old one.
    announce : callable
        Called by `play_frame`, on its thread, with the `FrameReport`: as soon as the first frame is published that was
        planned on the events, before the others are planned. Must be quick and never raise.
    watch : callable
        Called with the `Turn` of every call of `play_frame`, on its thread, also if that raises. Must be quick and
        never raise.
    """

    def __init__(
        self,
        predictor: Predictor,
        patch: Patch,
        sample_rate: int,
        *,
        controls: Mapping[str, Value] | None = None,
        seed: int = 0,
        n_channels: int = 2,
        is_apart: bool = False,
        patches: Mapping[str, Patch] | None = None,
    ) -> None:
        values = DEFAULTS
        for name, value in {**patch.controls, **(controls or {})}.items():
            values = with_value(values, name, value)
        self._patches = {**(patches or {}), patch.name: patch}
        self.callback: NDArray[np.void] = new_callback(sample_rate, patch, n_channels=n_channels, is_apart=is_apart)
        self.table = self.callback["table"]
        notations = {name: notation_of(patch) for name, patch in self._patches.items()}
        self.state: State = begin(predictor, values, seed=seed, notation=notations[patch.name], notations=notations)
        self._models = self.state.models
        self.latency_seconds = 0.0
        self.n_lost = 0
        self.n_missed_plans = 0
        self.announce: Callable[[FrameReport], None] = lambda report: None
        self.watch: Callable[[Turn], None] = lambda turn: None
        self._values = values  # in force on the audio side, which is ahead of the score
        self._keyboard = Keyboard()
        self._patch, self._new_patch = patch, patch  # the one that sounds, and the one that is to sound
        self._bank = 0
        self._lock = Lock()
        self._order = 0
        self._rings: dict[str, int] = {"session": 0}
        self._command: NDArray[np.void] = np.zeros(1, COMMAND)  # scratch
        self._unsent: set[Voice] = set()
        self._expressed = [Expression()] * len(Voice)  # what the callback was told last, by voice
        self._taken: set[Voice] = set()  # voices that are the player's in the callback
        self._pending: list[_Taken] = []
        self._overflowed: dict[str, int] = {}  # sources that events were lost from, and when
        self._apply_levels()
        begin_with_gains(self.callback, self.callback["mix"]["gains"][0])

    @property
    def values(self) -> Values:
        """Controls in force; any thread may ask."""
        return self._values

    @property
    def held_keys(self) -> tuple[HeldKey, ...]:
        """The keys that are held now; any thread may ask."""
        return self._keyboard.held

    @property
    def is_model_audible(self) -> bool:
        """Whether the model sounds now: not after stop or panic, until start; any thread may ask."""
        return bool(self.callback["mix"]["is_model_audible"][0])

    @property
    def mutes(self) -> tuple[bool, ...]:
        """Which voices of the model are to be silent now: the muted ones, and all after stop; any thread may ask."""
        values, is_audible = self._values, self.is_model_audible
        return tuple(not is_audible or bool(values[prefix + "mute"]) for prefix in VOICE_PREFIX.values())

    def add_model(self, name: str, predictor: Predictor) -> None:
        """Add a model, already warmed up, that the control ``model`` can change to from now on; from any thread."""
        with self._lock:
            self._models = {**self._models, name: predictor}

    def receive(self, event: Event, source: str, time_ns: int | None = None) -> None:
        """Take an event: a `Sink` for inputs, from any thread.

        Parameters
        ----------
        event : Event
        source : str
            Who sent it; keys are held by source.
        time_ns : int, optional
            When it happened, on the clock of `time.perf_counter_ns`; now if left out.
        """
        time_ns = time.perf_counter_ns() if time_ns is None else time_ns
        with self._lock:
            if len(self._pending) < _MAX_PENDING or event == _PANIC:
                self._pending.append((time_ns, event, source))
            else:  # the lost event may be a key that came up: let go of all keys of its source
                self.n_lost += 1
                self._overflowed[source] = time_ns
                event = SourceLost()
            if isinstance(event, SetControl):
                self._set(event)
            before = self._keyboard
            self._keyboard = handle(before, event, source, self._values, self._new_patch.drum_notes)
            if self._keyboard is not before or (isinstance(event, SetControl) and event.name == "bend_range"):
                self._sound(before, source)

    def play_frame(self, to_frame: int, position_of_time: Callable[[int], float]) -> FrameReport:
        """Apply what came in, let the frames before `to_frame` stand, and publish the plan, nearest frame first.

        Parameters
        ----------
        to_frame : int
            First frame that may still change.
        position_of_time : callable
            Maps a time in nanoseconds to frames since the start, a real number.

        Returns
        -------
        FrameReport

        Notes
        -----
        If the predictor raises, so does this method, and the next call goes on. The score does not get the events of
        this call, but no key that came up hangs, and a stopped model stays stopped. If the first frame was already
        published, only the plan after it is lost.
        """
        taken = self._take()
        latency_frames = self.latency_seconds * FRAME_RATE_HZ
        events = tuple(
            StampedEvent(event, source, position_of_time(time_ns) - isinstance(event, CLOCK_EVENTS) * latency_frames)
            for time_ns, event, source in taken
        )
        times_ns = tuple(time_ns for time_ns, _, _ in taken)
        self.state = replace(self.state, models=self._models)
        turn: Turn | None = None
        try:
            turn = self._play_next(events, times_ns, to_frame)
            self._follow_score(turn)
            self.announce(turn.report)
            turn = self._plan_on(turn)
        finally:
            turn = turn or self._lose(events, times_ns)
            self.state = turn.after
            self.watch(turn)
        return turn.report

    def publish(self, frames: Sequence[PlannedFrame], owner: NDArray[np.uint8]) -> None:
        """Let frames sound that were settled elsewhere, such as those of a take; instead of `play_frame`.

        `owner`, uint8 (4,), says who plays the voices in the frame that sounds next.
        """
        self._take()
        score_table.write_frames(self.table, list(frames))
        with self._lock:
            self._give_back(owner)

    def _play_next(self, events: tuple[StampedEvent, ...], times_ns: tuple[int, ...], to_frame: int) -> Turn:
        """Apply events, and publish the first frame that is planned on them."""
        before, call = self.state, Call(to_frame, to_frame + 1)
        state, frames, messages = advance(before, call.to_frame, events, plan_to=call.plan_to)
        frame_taken = int(self.callback["stats"]["frame_taken"][0, 0])
        is_late = frame_taken >= state.horizon
        if is_late:  # the callback has taken the old plan of this frame, so that is what was played
            self.n_missed_plans += 1
            call = Call(frame_taken + 1, frame_taken + 2)
            state, frames, messages = advance(before, call.to_frame, events, plan_to=call.plan_to)
        # the next frame is always written: where the beat is in it is now known as well as it will ever be
        score_table.write_frames(self.table, _on_beat(state, (state.timeline.at(state.horizon).planned, *frames)))
        report = FrameReport(state.horizon, events, times_ns, tuple(messages))
        return Turn(report, before, state, (call,), is_late)

    def _plan_on(self, turn: Turn) -> Turn:
        """Plan and publish the frames after the first."""
        call = Call(turn.after.horizon)
        state, frames, _ = advance(turn.after, call.to_frame, plan_to=call.plan_to)
        score_table.write_frames(self.table, _on_beat(state, frames))
        return replace(turn, after=state, calls=(*turn.calls, call))

    def _lose(self, events: tuple[StampedEvent, ...], times_ns: tuple[int, ...]) -> Turn:
        """Return the turn of a call in which the predictor raised before the first frame was published."""
        report = FrameReport(self.state.horizon, events, times_ns, ())
        return Turn(report, self.state, follow(self.state, events))

    def _follow_score(self, turn: Turn) -> None:
        """Take over what the performance itself has changed, and give back to the model the voices that are its own."""
        state = turn.after
        with self._lock:
            if any(isinstance(message, ControlInForce) and message.is_consequence for message in turn.report.messages):
                self._adopt(state)
            if self._keyboard.n_pressed != state.keyboard.n_pressed:
                return  # keys went down since then: the next frame tells whose their voices are
            self._give_back(state.timeline.at(state.horizon).planned.owner)

    def _give_back(self, owner: NDArray[np.uint8]) -> None:
        for voice in tuple(self._taken):
            if owner[voice] != score_table.PLAYER and self._keyboard.sounding(voice) is None:
                self._push("session", GIVE_TO_MODEL, voice)

    def _adopt(self, state: State) -> None:
        """Take over controls and keys of the performance, and apply the events that it has not had yet."""
        values, keyboard = state.values, state.keyboard
        for _, event, source in self._pending:
            if isinstance(event, SetControl) and not CONTROLS[event.name].is_action:
                values = with_value(values, event.name, event.value)
            keyboard = handle(keyboard, event, source, values, self._new_patch.drum_notes)
        for source in self._overflowed:
            keyboard = handle(keyboard, SourceLost(), source, values, self._new_patch.drum_notes)
        before, self._keyboard, self._values = self._keyboard, keyboard, values
        self._apply_levels()
        self._sound(before, "session")

    def _take(self) -> list[_Taken]:
        with self._lock:
            self._send_again()
            lost = [(time_ns, SourceLost(), source) for source, time_ns in self._overflowed.items()]
            taken, self._pending, self._overflowed = [*self._pending, *lost], [], {}
        return list(_without_repeats(taken))

    def _set(self, event: SetControl) -> None:
        mix = self.callback["mix"]
        if not CONTROLS[event.name].is_action:
            self._values = with_value(self._values, event.name, event.value)
            if event.name in _LEVELS:
                self._apply_levels()
        elif event.value and event.name == "panic":
            mix["is_model_audible"] = 0
            self._push("session", SILENCE_ALL, Voice.P1)
        elif event.value and event.name in ("start", "stop"):
            mix["is_model_audible"] = event.name == "start"
        elif event.name == "patch" and event.value in self._patches:
            self._new_patch = self._patches[str(event.value)]
            self._change_patch()

    def _change_patch(self) -> None:
        """Hand the callback the sounds of the new patch, as soon as it has taken those of the last one."""
        synth = self.callback["synth"]
        if self._new_patch is self._patch or synth["bank"][0] != self._bank:
            return
        bank = free_bank(synth)
        fill_bank(synth, bank, self._new_patch)
        command = self._begin_command(USE_BANK, Voice.P1)
        command["note"] = bank
        if push_command(self.callback[0], self._ring_of("session"), command):
            self._patch, self._bank = self._new_patch, bank

    def _apply_levels(self) -> None:
        values, mix = self._values, self.callback["mix"]
        mix["master"], mix["metronome"] = values["volume"], values["metronome"]
        for voice, prefix in VOICE_PREFIX.items():
            mix["gains"][0, voice] = 0.0 if values[prefix + "mute"] else values[prefix + "volume"]
        self.callback["synth"]["chord_ticks"] = values["chord_ticks"]

    def _sound(self, before: Keyboard, source: str) -> None:
        """Tell the callback what each voice sounds now, if that has changed."""
        after = self._keyboard
        for voice in Voice:
            self._express(voice, source)
            was, now = before.sounding(voice), after.sounding(voice)
            if before.is_touched(voice) and not after.is_touched(voice):
                self._push(source, GIVE_TO_MODEL, voice)
            elif now is None:
                if was is not None:
                    self._push(source, KEY_UP, voice)
            elif attacks(before, after, voice):
                self._push(source, KEY_DOWN, voice, now)
            elif before.chord(voice) != after.chord(voice):
                self._push(source, SET_CHORD, voice, now)

    def _express(self, voice: Voice, source: str) -> None:
        """Tell the callback a voice's expression, if that has changed.

        A wheel can send a thousand messages a second, so it may fill half of a ring only; the rest is for keys. If
        there is no room, the expression is sent with the next event or the next frame.
        """
        wanted = self._keyboard.expression(voice, int(self._values["bend_range"]))
        if wanted == self._expressed[voice]:
            return
        ring = self.callback["rings"][0, self._ring_of(source)]
        if ring["written"][0] - ring["read"][0] < RING_SIZE // 2 and self._push_expression(source, voice, wanted):
            self._expressed[voice] = wanted

    def _push_expression(self, source: str, voice: Voice, expression: Expression) -> bool:
        command = self._begin_command(EXPRESS, voice)
        command["bend"] = expression.bend
        command["modulation"] = expression.modulation
        command["pressure"] = expression.pressure
        return bool(push_command(self.callback[0], self._ring_of(source), command))

    def _send_again(self) -> None:
        """Send again what did not fit into a full ring, so that no note hangs."""
        voices, self._unsent = self._unsent, set()
        self._change_patch()
        for voice in Voice:
            self._express(voice, "session")
        for voice in voices:
            now = self._keyboard.sounding(voice)
            if not self._keyboard.is_touched(voice):
                self._push("session", GIVE_TO_MODEL, voice)
            elif now is None:
                self._push("session", KEY_UP, voice)
            else:
                self._push("session", KEY_DOWN, voice, now)

    def _push(self, source: str, kind: int, voice: Voice, key: HeldKey | None = None) -> None:
        command = self._begin_command(kind, voice)
        if key is not None:
            chord = self._keyboard.chord(voice)
            command["note"] = key.note
            command["key"] = key.played_key
            command["volume"] = key.volume
            command["n_notes"] = len(chord)
            command["notes"][: len(chord)] = chord
        if not push_command(self.callback[0], self._ring_of(source), command):
            self.n_lost += 1
            self._unsent.add(voice)
        elif kind == KEY_DOWN:
            self._taken.add(voice)
        elif kind == GIVE_TO_MODEL:
            self._taken.discard(voice)

    def _begin_command(self, kind: int, voice: Voice) -> np.void:
        self._order += 1
        self._command[:] = 0
        command: np.void = self._command[0]
        command["kind"], command["voice"], command["order"] = kind, int(voice), self._order
        return command

    def _ring_of(self, source: str) -> int:
        return self._rings.setdefault(source, min(len(self._rings), N_RINGS - 1))


def _on_beat(state: State, frames: Sequence[PlannedFrame]) -> list[PlannedFrame]:
    """Return frames with the place of each on the beat, as far as it is known now."""
    tempo, beats_a_bar = state.tempo, int(state.values["beats_a_bar"])
    placed = []
    for planned in frames:
        beat = None
        if tempo.beat_at(planned.frame_index) is not None:
            beats = tempo.beats_at(planned.frame_index)
            beat = FrameBeat(beats, tempo.beats_at(planned.frame_index + 1) - beats, beats_a_bar)
        placed.append(replace(planned, beat=beat))
    return placed
