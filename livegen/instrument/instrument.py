"""The instrument: what a session plays on, without a thread or a clock of its own.

It uses each event twice. First at once: a key goes through a ring buffer to the audio callback and sounds in the next
block; a level goes to the mix. Then once a frame: `play_frame` hands the events since the last frame to
`performance.advance` and publishes the plan.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen import score_table
from livegen.controls import CONTROLS, DEFAULTS, VOICE_PREFIX, Value, Values, with_value
from livegen.engines.protocol import Conducts, Engine
from livegen.events import CLOCK_EVENTS, PANIC, Event, SetControl, SourceLost, StampedEvent
from livegen.instrument.ahead import Ahead, Bundle, is_said_again
from livegen.instrument.commands import CommandWriter
from livegen.instrument.levels import LEVELS, apply_levels
from livegen.instrument.notation import notation_of
from livegen.instrument.publish import publish
from livegen.instrument.rehearsal import Rehearsals, has_keys
from livegen.instrument.taken import Taken, stamped, stays_audible, without_repeats
from livegen.outputs.callback import begin_with_gains, new_callback
from livegen.patch import Patch
from livegen.performance.expression import Expression
from livegen.performance.keyboard import HeldKey, Keyboard, attacks, handle
from livegen.performance.performance import Call, advance, begin, follow
from livegen.performance.state import ControlInForce, State
from livegen.performance.turn import FrameReport, Turn
from livegen.score import Voice
from livegen.score_table import PlannedFrame
from livegen.synth.bank import fill_bank, free_bank
from livegen.synth.commands import GIVE_TO_MODEL, KEY_DOWN, KEY_UP, SET_CHORD, SILENCE_ALL
from livegen.units import FRAME_RATE_HZ, frame_to_sample

COMMIT_MARGIN_SECONDS: Final = 0.0045
"""How long before the audio callback needs a frame the frame is planned for the last time; one block is added to it."""

_MAX_PENDING: Final = 4096


class Instrument:
    """An audio callback, an engine, and the performance that connects them.

    Parameters
    ----------
    engine : Engine
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
    record : ndarray of CALLBACK, shape (1,), optional
        Where the callback's record is made, all zeros before.
    conductor : Conducts, optional
        Who tells the chord where a model's is asked for.

    Attributes
    ----------
    callback : ndarray of CALLBACK, shape (1,)
    patch : Patch
    state : State
        Of the performance; belongs to the thread that calls `play_frame`.
    latency_seconds : float
        Time from when a sample is made to when it is heard. A tick of an outer clock belongs to the sample that is
        heard at it, which was made this much earlier.
    is_awaited : bool
        Whether `play_frame` publishes its first frame before it plans the others, which are the same either way.
    n_lost : int
        Events and commands that were lost because they came faster than they could be taken.
    n_missed_plans : int
        Frames whose new plan came after the callback had taken the old one.
    n_late_follows : int
        Those of them whose plan was new because something came in: the model follows that a frame later.
    notify : callable
        Called when keys have come in, on the thread that brought them. Must be quick and never raise.
    announce : callable
        Called by `play_frame`, on its thread, with the `FrameReport`: as soon as the first frame is published that was
        planned on the events, before the others are planned. Must be quick and never raise.
    watch : callable
        Called with the `Turn` of every call of `play_frame`, on its thread, also if that raises. Must be quick and
        never raise.
    """

    def __init__(
        self,
        engine: Engine,
        patch: Patch,
        sample_rate: int,
        *,
        controls: Mapping[str, Value] | None = None,
        seed: int = 0,
        n_channels: int = 2,
        is_apart: bool = False,
        patches: Mapping[str, Patch] | None = None,
        record: NDArray[np.void] | None = None,
        conductor: Conducts | None = None,
    ) -> None:
        values = DEFAULTS
        for name, value in {**patch.controls, **(controls or {})}.items():
            values = with_value(values, name, value)
        self._patches = {**(patches or {}), patch.name: patch}
        self.callback = new_callback(sample_rate, patch, n_channels=n_channels, is_apart=is_apart, record=record)
        self.table = self.callback["table"]
        notations = {name: notation_of(patch) for name, patch in self._patches.items()}
        self.state: State = begin(
            engine, values, seed=seed, notation=notations[patch.name], notations=notations, conductor=conductor
        )
        self._models = self.state.models
        self.latency_seconds, self.is_awaited = 0.0, True
        self.n_lost = self.n_missed_plans = self.n_late_follows = 0
        self.notify: Callable[[], None] = lambda: None
        self.announce: Callable[[FrameReport], None] = lambda report: None
        self.watch: Callable[[Turn], None] = lambda turn: None
        self._values = values  # in force on the audio side, which is ahead of the score
        self._keyboard = Keyboard()
        self._sounding_patch, self.patch = patch, patch  # the one that sounds, and the one that is to sound
        self._bank, self._lock = 0, Lock()
        self._commands = CommandWriter(self.callback)
        self._unsent: set[Voice] = set()
        self._expressed = [Expression()] * len(Voice)  # what the callback was told of each voice
        self._taken: set[Voice] = set()  # voices that the callback takes for the player's
        self._pending: list[Taken] = []
        self._ahead = Ahead()
        self._rehearsals = Rehearsals()
        self._is_apart = False  # where sound and score may have heard the same in another order
        self._overflowed: dict[str, int] = {}  # sources of which events were lost, and when
        apply_levels(self.callback, self._values)
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
    def last_key(self) -> HeldKey | None:
        """The key that was pressed last, held or not; None before the first; any thread may ask."""
        return max(filter(None, self._keyboard.sounded), key=lambda key: key.order, default=None)

    @property
    def is_model_audible(self) -> bool:
        """Whether the model sounds now: not after stop or panic, until start; any thread may ask."""
        return bool(self.callback["mix"]["is_model_audible"][0])

    @property
    def mutes(self) -> tuple[bool, ...]:
        """Which voices of the model are to be silent now: the muted ones, and all after stop; any thread may ask."""
        values, is_audible = self._values, self.is_model_audible
        return tuple(not is_audible or bool(values[prefix + "mute"]) for prefix in VOICE_PREFIX.values())

    @property
    def model_voices(self) -> tuple[Voice, ...]:
        """The voices that the models in force have; any thread may ask."""
        return self.state.engine.info.voices

    def add_model(self, name: str, engine: Engine) -> None:
        """Add a model, already warmed up, that the control ``model`` can change to from now on; from any thread."""
        with self._lock:
            self._models = {**self._models, name: engine}

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
        self.receive_together((event,), source, time_ns)

    def receive_together(self, events: Sequence[Event], source: str, time_ns: int | None = None) -> None:
        """Take events that take effect together, in one frame and one block; otherwise as `receive`."""
        time_ns = time.perf_counter_ns() if time_ns is None else time_ns
        with self._lock:
            for event in events:
                self._drop_ahead(event, source)
                if not isinstance(event, CLOCK_EVENTS):
                    self._ahead.overtake()
                self._take_in(Taken(time_ns, event, source))
            self._commands.publish()
        if has_keys(events):
            self.notify()

    def receive_ahead(self, events: Sequence[Event], source: str, time_ns: int, sample: int) -> None:
        """Take events that take effect together at a time to come.

        For the score they are in the frame in which that time lies, if this is known before that frame is planned for
        the last time. For the sound they come when `sound_until` is called; keys sound at their sample.

        Parameters
        ----------
        events : sequence of Event
        source : str
        time_ns : int
            On the clock of `time.perf_counter_ns`.
        sample : int
            What is made then.
        """
        with self._lock:
            if self._ahead.n_events + len(events) > _MAX_PENDING:
                self.n_lost += len(events)
                self._overflowed[source] = time_ns  # a key that comes up may be lost
            else:
                self._ahead.add(Bundle(time_ns, sample, tuple(events), source))

    def sound_until(self, time_ns: int, keys_ns: int) -> int | None:
        """Let what is due sound, and return when the next is; None where nothing is to come.

        Parameters
        ----------
        time_ns : int
            Now.
        keys_ns : int
            How long before its sample the callback must know of a key.
        """
        with self._lock:
            self._sound_bundles(self._ahead.take_due(time_ns, keys_ns))
            self._commands.publish()
            return self._ahead.next_ns(keys_ns)

    def _sound_bundles(self, bundles: Sequence[Bundle]) -> None:
        """Let the sound take events that were to come; so does the score, where it has not."""
        for bundle in bundles:
            self._commands.sample = bundle.sample if bundle.has_keys else None
            for event in bundle.events:
                taken = Taken(bundle.time_ns, event, bundle.source, bundle.sample)
                self._take_in(taken, is_in_score=bundle.is_in_score)
                if bundle.is_overtaken and is_said_again(event):
                    self._pending.append(taken)
            self._is_apart |= bundle.is_overtaken
        self._commands.sample = None

    def _drop_ahead(self, event: Event, source: str) -> None:
        """Forget what is to come, after a panic or of a source that is gone; what the score has sounds, and ends."""
        if event == PANIC or isinstance(event, SourceLost):
            self._sound_bundles(self._ahead.drop(None if event == PANIC else source))

    def _take_in(self, taken: Taken, *, is_in_score: bool = False) -> None:
        """Let the sound take an event, and so does the score, unless it has; the caller holds the lock."""
        time_ns, event, source, _ = taken
        if is_in_score:
            pass
        elif len(self._pending) < _MAX_PENDING or event == PANIC:
            self._pending.append(taken)
        else:  # what is lost may be a key that came up: let go of all that the source holds
            self.n_lost += 1
            self._overflowed[source] = time_ns
            event = SourceLost()
        if isinstance(event, SetControl):
            self._set(event)
        before = self._keyboard
        self._keyboard = handle(before, event, source, self._values, self.patch.drum_notes)
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
        If the engine raises, so does this method, and the next call goes on. The score does not get the events of
        this call, but no key that came up hangs, and a stopped model stays stopped. If the first frame was already
        published, only the plan after it is lost.
        """
        taken = self._take(to_frame)
        events = self._rehearsals.events_of(taken) or self._stamped(taken, position_of_time)
        times_ns = tuple(each.time_ns for each in taken)
        if self.state.models is not self._models:
            self.state = replace(self.state, models=self._models)
        turn: Turn | None = None
        try:
            turn = self._play_next(events, times_ns, to_frame)
            self._follow_score(turn)
            self.announce(turn.report)
            turn = self._plan_on(turn) if self.is_awaited else turn
        finally:
            turn = turn or self._lose(events, times_ns)
            self.state = turn.after
            self.watch(turn)
        return turn.report

    def rehearse(self, to_frame: int, position_of_time: Callable[[int], float]) -> bool:
        """Work out what `play_frame` will answer to the keys that have come in, where that is new; tell whether it is.

        It changes nothing but how soon `play_frame` answers. Both are called by one thread.
        """
        with self._lock:
            taken = tuple(without_repeats(self._pending))
        call = Call.of(to_frame, 1)
        return self._rehearsals.rehearse(self.state, call, taken, lambda each: self._stamped(each, position_of_time))

    def _stamped(self, taken: Sequence[Taken], position_of_time: Callable[[int], float]) -> tuple[StampedEvent, ...]:
        latency_frames = self.latency_seconds * FRAME_RATE_HZ
        return stamped(taken, position_of_time, latency_frames, int(self.callback["sample_rate"][0]))

    def publish(self, frames: Sequence[PlannedFrame], owner: NDArray[np.uint8]) -> None:
        """Let frames sound that were settled elsewhere, such as those of a take; instead of `play_frame`.

        `owner`, uint8 (4,), says who plays the voices in the frame that sounds next.
        """
        self._take()
        score_table.write_frames(self.table, list(frames))
        with self._lock:
            self._give_back(owner)
            self._commands.publish()

    def _play_next(self, events: tuple[StampedEvent, ...], times_ns: tuple[int, ...], to_frame: int) -> Turn:
        """Apply events, and publish what is planned on them: the first frame, or all where nobody waits for it."""
        before, n_first = self.state, 1 if self.is_awaited else None
        call = Call.of(to_frame, n_first)
        state, frames, messages = self._rehearsals.advance(before, call, events)
        frame_taken = int(self.callback["stats"]["frame_taken"][0, 0])
        is_late = frame_taken >= state.horizon
        if is_late:  # the callback has taken the old plan of this frame, so that is what was played
            self.n_missed_plans += 1
            self.n_late_follows += bool(events)
            call = Call.of(frame_taken + 1, n_first)
            state, frames, messages = advance(before, call.to_frame, events, plan_to=call.plan_to)
        # the next one always: its beat is as well known now as it will be
        later = (planned for planned in frames if planned.frame_index != state.horizon)
        publish(self.table, state, (state.timeline.at(state.horizon).planned, *later), events)
        report = FrameReport.of(state, events, times_ns, messages)
        return Turn(report, before, state, (call,), is_late)

    def _plan_on(self, turn: Turn) -> Turn:
        """Plan and publish the frames after the first."""
        call = Call(turn.after.horizon)
        state, frames, _ = advance(turn.after, call.to_frame, plan_to=call.plan_to)
        publish(self.table, state, frames, turn.report.events)  # the next one too, if an onset in it is moved only now
        return replace(turn, after=state, calls=(*turn.calls, call))

    def _lose(self, events: tuple[StampedEvent, ...], times_ns: tuple[int, ...]) -> Turn:
        """Return the turn of a call in which the engine raised before the first frame was published."""
        after = follow(self.state, events)
        return Turn(FrameReport.of(after, events, times_ns), self.state, after)

    def _follow_score(self, turn: Turn) -> None:
        """Take over what the performance itself has changed, and give back to the model the voices that are its own."""
        state = turn.after
        with self._lock:
            if any(isinstance(message, ControlInForce) and message.is_consequence for message in turn.report.messages):
                self._adopt(state)
                self.callback["mix"]["is_model_audible"] &= stays_audible(state, self._pending)
            elif self._is_apart and not self._pending and not self._ahead.has_known:
                self._is_apart = False
                if self._values != state.values or self._keyboard != state.keyboard:
                    self._adopt(state)
            if self._keyboard.n_pressed == state.keyboard.n_pressed:
                self._give_back(state.timeline.at(state.horizon).planned.owner)
            # else keys went down since: whose their voices are, the next frame tells
            self._commands.publish()

    def _give_back(self, owner: NDArray[np.uint8]) -> None:
        for voice in tuple(self._taken):
            if owner[voice] != score_table.PLAYER and self._keyboard.sounding(voice) is None:
                self._push("session", GIVE_TO_MODEL, voice)

    def _adopt(self, state: State) -> None:
        """Stand where the performance stands, but for the events that it does not know of yet."""
        self._sound_bundles(self._ahead.take_known())
        values, keyboard = state.values, state.keyboard
        for _, event, source, _ in self._pending:
            if isinstance(event, SetControl) and not CONTROLS[event.name].is_action:
                values = with_value(values, event.name, event.value)
            keyboard = handle(keyboard, event, source, values, self.patch.drum_notes)
        for source in self._overflowed:
            keyboard = handle(keyboard, SourceLost(), source, values, self.patch.drum_notes)
        before, self._keyboard, self._values = self._keyboard, keyboard, values
        apply_levels(self.callback, self._values)
        self._sound(before, "session")

    def _take(self, to_frame: int | None = None) -> list[Taken]:
        """Return what the score is to know: what came in, and what is to come in the frame that is planned next."""
        due: list[Bundle] = []
        with self._lock:
            self._send_again()
            lost: list[Taken] = [Taken(time_ns, SourceLost(), source) for source, time_ns in self._overflowed.items()]
            taken, self._pending, self._overflowed = [*self._pending, *lost], [], {}
            if to_frame is not None:
                due = self._ahead.for_score(frame_to_sample(to_frame + 1, int(self.callback["sample_rate"][0])))
            self._commands.publish()
        taken += [
            Taken(bundle.time_ns, event, bundle.source, bundle.sample) for bundle in due for event in bundle.events
        ]
        return list(without_repeats(sorted(taken, key=lambda each: each.time_ns) if due else taken))

    def _set(self, event: SetControl) -> None:
        mix = self.callback["mix"]
        if not CONTROLS[event.name].is_action:
            self._values = with_value(self._values, event.name, event.value)
            if event.name in LEVELS:
                apply_levels(self.callback, self._values)
        elif event.value and event.name == "panic":
            mix["is_model_audible"] = 0
            self._push("session", SILENCE_ALL, Voice.P1)
            for voice in set(Voice) - self._taken:  # what has given them back may come after this, and be too old
                self._push("session", GIVE_TO_MODEL, voice)
        elif event.value and event.name in ("start", "stop"):
            mix["is_model_audible"] = event.name == "start"
        elif event.name == "patch" and event.value in self._patches:
            self.patch = self._patches[str(event.value)]
            self._change_patch()

    def _change_patch(self) -> None:
        """Hand the callback the sounds of the new patch, as soon as it has taken those of the last one."""
        synth = self.callback["synth"]
        if self.patch is self._sounding_patch or synth["bank"][0] != self._bank:
            return
        bank = free_bank(synth)
        fill_bank(synth, bank, self.patch)
        if self._commands.use_bank(bank):
            self._sounding_patch, self._bank = self.patch, bank

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
        if wanted == self._expressed[voice] or self._commands.is_half_full(source):
            return
        if self._commands.express(source, voice, wanted):
            self._expressed[voice] = wanted

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
        if not self._commands.strike(source, kind, voice, key, self._keyboard.chord(voice)):
            self.n_lost += 1
            self._unsent.add(voice)
        elif kind == KEY_DOWN:
            self._taken.add(voice)
        elif kind == GIVE_TO_MODEL:
            self._taken.discard(voice)
