"""A performance while its events are applied: what they change, which frames they void, and the plan after them."""

from dataclasses import replace
from typing import Final

from livegen.controls import CONTROLS, MODEL_CONTROLS, SAME, Value, with_value
from livegen.engines.sampling import seed_bits, uniform
from livegen.engines.triads import MOVES
from livegen.events import SetControl, StampedEvent, Start
from livegen.performance.cues.count_in import CountIn, counted_in
from livegen.performance.cues.cue import CUES, Cues
from livegen.performance.cues.giving import given, recounted
from livegen.performance.ears import listen
from livegen.performance.harmony.lead import start_of_walk
from livegen.performance.harmony.walk import WALKS, Walk, name_of, steps_of
from livegen.performance.keyboard import Keyboard, handle
from livegen.performance.modes import bar_of
from livegen.performance.planning import (
    Part,
    arrive,
    beat_before,
    groove_of,
    is_moved,
    next_context,
    part_of,
    plan,
    replay,
    timed,
)
from livegen.performance.shaping import Asked, knobs_of
from livegen.performance.state import ControlInForce, Message, Refused, State, Tapped, switched
from livegen.performance.tightness import MEMORY_FRAMES
from livegen.performance.time_machine import Change, Moment, Move, TimeMachine, leap, loop_of, recall, store, undo
from livegen.performance.timeline import Place, Timeline, first_context
from livegen.score import N_VOICES

_MOVES: Final = frozenset({"rewind", "rewind_frames", "reset", "store", "recall", "undo"})


class Draft:
    """A state while its events are applied, and who played what in each frame that they touch."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.messages: list[Message] = []
        self.first_void = state.timeline.end
        self._before = state.timeline
        self._tempo, self._values = state.tempo, state.values  # on which all that is planned was planned
        self._in_force = {state.timeline.start: state}  # from a frame on

    def apply(self, stamped: StampedEvent) -> None:
        """Let an event take effect in the frame in which it fell."""
        frame_index = min(stamped.frame_index, self.state.horizon)  # nobody plays in the future
        frame_index = max(frame_index, self.state.tapped.frame_index, self.state.timeline.start)
        event = stamped.event
        if isinstance(event, Start) and self.state.tempo.clock.hear(stamped).source == stamped.source:
            # the clock that the tempo follows has started: bars are counted from here
            self.state = replace(self.state, playing=replace(self.state.playing, first_bar=0))
        if isinstance(event, SetControl) and event.name in CUES:
            self._cue(event, stamped.source)
        elif isinstance(event, SetControl) and CONTROLS[event.name].is_action:
            self._act(event, stamped.source)
        elif isinstance(event, SetControl):
            self._set(event, stamped.source)
        self._hear(stamped, frame_index)

    def _hear(self, stamped: StampedEvent, frame_index: int) -> None:
        """Let tempo and keyboard follow an event. Wheels are not in the score: they void no frame."""
        state, tempo = self.state, self.state.tempo.hear(stamped, self.state.values)
        if tempo is not state.tempo:
            state = self.state = recounted(replace(state, tempo=tempo), state.tempo)
        keyboard = handle(state.keyboard, stamped.event, stamped.source, state.values, state.notation.drum_notes)
        if keyboard is state.keyboard:
            pass
        elif keyboard.is_same_music(state.keyboard):
            self.state = replace(state, keyboard=keyboard)
        else:
            self._play(keyboard, frame_index)
            self._void(frame_index)
        self._take_force(frame_index)

    def _play(self, keyboard: Keyboard, frame_index: int) -> None:
        """Put a new keyboard in force. A key that goes down in a frame counts there, even if it comes up in it too."""
        state = self.state
        tapped = state.tapped if state.tapped.frame_index == frame_index else Tapped(frame_index)
        if keyboard.n_pressed > state.keyboard.n_pressed:
            pressed = keyboard.held[-1]
            keys = (*tapped.keys[: pressed.voice], pressed, *tapped.keys[pressed.voice + 1 :])
            tapped = Tapped(frame_index, keys)
        playing = state.playing.after_keys(state.keyboard, keyboard, frame_index, state.values, state.tempo)
        self.state = replace(state, keyboard=keyboard, tapped=tapped, playing=playing)

    def _set(self, event: SetControl, source: str) -> None:
        self.messages.append(ControlInForce(event.name, event.value, source))
        if event.name == "tonnetz.chord":
            self.state = replace(self.state, walk=Walk())
        state, machine = self.state, self.state.machine
        if state.values[event.name] != event.value:
            machine = machine.with_change(Change(event.name, Moment(state.horizon, None, state.values)))
        self._put(event.name, event.value, machine)

    def _put(self, name: str, value: Value, machine: TimeMachine) -> None:
        """Put a value in force, with everything that depends on it."""
        state, values = self.state, with_value(self.state.values, name, value)
        playing = state.playing.after_control(name, state.values, values, state.horizon, state.tempo)
        self.state = replace(state, values=values, playing=playing, machine=machine)
        if value != state.values[name] and (name == "hold" or (name == "hold_beats" and values["hold"])):
            self._hold()
        if CONTROLS[name].voids_plan:
            self._void(state.horizon)

    def _hold(self) -> None:
        self._settle()
        state, loop = self.state, None
        if state.values["hold"]:
            length = float(state.values["hold_beats"]) * state.tempo.period_frames
            loop = loop_of(state.timeline.steps, state.horizon, length)
        self.state = replace(state, machine=replace(state.machine, loop=loop))

    def _act(self, event: SetControl, source: str) -> None:
        name, value = event.name, event.value
        if CONTROLS[name].kind == "trigger" and not value:
            return
        if name in MODEL_CONTROLS:
            self._change_model(name, str(value), source)
            return
        if name == "start" and value is not True:
            self._count_in(int(value), source)
            return
        if name in WALKS:
            self._walk(name, str(value) if value is not True else name[-1], source)
            return
        after = switched(self.state, name, value)
        if after is not self.state:
            self.state = after
            self._void(self.state.horizon)
        elif name == "reroll":
            self.state = replace(self.state, seed=_next_seed(self.state.seed))
            self._void(self.state.horizon)
        elif name == "song":
            if value:
                self._begin_song(str(value))
            value = self.state.song
        elif name in _MOVES:
            move = self._move(name, value)
            if move.refusal:
                self.messages.append(Refused(name, move.refusal, source))
                return
            self._go(move, source)
        self.messages.append(ControlInForce(name, value, source))

    def _begin_song(self, name: str) -> None:
        """Let a song begin at the horizon that takes nothing over: no motif, no cue, and nothing to be undone."""
        self._settle()
        state = self.state
        first_bar = bar_of(state.tempo, state.horizon, state.values) if state.tempo.is_outer else 0
        playing, machine = replace(state.playing, first_bar=first_bar), replace(state.machine, changes=())
        self.state = replace(
            state,
            song=name,
            song_from=state.horizon,
            playing=playing,
            machine=machine,
            cues=state.cues.cleared(),
            count_in=None,
        )
        self._leap(Place(first_context(state.engine, knobs_of(state.values), state.conductor)))

    def _leap(self, place: Place) -> None:
        """Let the song go on at a place from the horizon on, when tempo and controls are those of that place."""
        timeline = self.state.timeline.leap(arrive(self.state, place))
        self.state = replace(self.state, timeline=timeline)

    def _cue(self, event: SetControl, source: str) -> None:
        """Plan a cue, or say why not."""
        cue = given(self.state, event, source)
        if isinstance(cue, Refused):
            self.messages.append(cue)
        elif cue is not None:
            change = Change(cue.name, Moment(self.state.horizon, None, self.state.values), cue.number)
            self.state = replace(self.state, machine=self.state.machine.with_change(change))
            self._put_cues(self.state.cues.with_cue(cue))
            self.messages.append(ControlInForce(event.name, event.value, source))

    def _count_in(self, n_beats: int, source: str) -> None:
        """Let beats be counted, after which the model plays from a bar line on."""
        state = self.state
        if state.is_running:
            self.messages.append(Refused("start", "the model plays already: stop it before it is counted in", source))
            return
        count_in, tempo = counted_in(n_beats, state.tempo, state.horizon, int(state.values["beats_a_bar"]))
        playing = state.playing if tempo is state.tempo else replace(state.playing, first_bar=0)
        self.state = replace(state, tempo=tempo, playing=playing, count_in=count_in)
        self._void(state.horizon)
        self.messages.append(ControlInForce("start", n_beats, source))

    def _walk(self, name: str, moves: str, source: str) -> None:
        """Go from the chord of the lattice to a neighbour at once, or to others, one a beat; or say why not."""
        state, steps, is_path = self.state, steps_of(moves), name == "tonnetz.path"
        if steps is None or (len(steps) > 1 and not is_path):
            allowed = ", ".join(MOVES) + " or several of them, such as lrl" * is_path
            self.messages.append(Refused(name, f"{name} cannot be {moves!r}: allowed is {allowed}", source))
            return
        change = Change("tonnetz.chord", Moment(state.horizon, None, state.values))
        begin = start_of_walk(state.values, state.timeline.steps)
        begun = Walk.along if is_path else Walk.at_once
        walk = begun(steps, begin, state.tempo, state.horizon, source)
        self.state = replace(state, walk=walk, machine=state.machine.with_change(change))
        self._void(state.horizon)
        self.messages.append(ControlInForce(name, steps if CONTROLS[name].kind == "name" else True, source))

    def _put_cues(self, cues: Cues) -> None:
        self._void(max(cues.first_change(self.state.cues), self.state.horizon))
        self.state = replace(self.state, cues=cues)

    def keep_time(self) -> None:
        """Let cues and count-in follow the tempo, begin, and be over: after an ending the session has stopped."""
        state = self.state
        if state.cues.pending:
            self._put_cues(state.cues.followed(state.tempo, state.horizon))
        if state.count_in is not None:
            self._count(state.count_in.followed(state.tempo, state.horizon))
        if state.walk.steps:
            self._go_on(state.walk.followed(state.tempo, state.horizon))
        ending = self.state.cues.ending
        if ending is not None and ending.until.frame_index <= state.horizon:
            self.state = switched(self.state, "stop", True)
            self.messages.append(ControlInForce("stop", True, ending.source, is_consequence=True))

    def _go_on(self, walk: Walk) -> None:
        """Let a walk on the lattice follow the tempo, and put the chord in force that it has come to."""
        first, chord = walk.first_change(self.state.walk), walk.at(self.state.horizon)
        if first is not None:
            self._void(max(first, self.state.horizon))
        values = self.state.values
        if chord is not None:  # the plan has been led by it already
            values = with_value(values, "tonnetz.chord", name_of(chord))
            self.messages.append(ControlInForce("tonnetz.chord", name_of(chord), walk.source, is_consequence=True))
        self.state = replace(self.state, values=values, walk=walk.after(self.state.horizon))

    def _count(self, count_in: CountIn) -> None:
        state, first = self.state, count_in.until.frame_index
        assert state.count_in is not None
        if first != state.count_in.until.frame_index:
            self._void(max(min(first, state.count_in.until.frame_index), state.horizon))
        is_over = first < state.horizon
        self.state = replace(state, count_in=None if is_over else count_in, is_running=first <= state.horizon)

    def _change_model(self, control: str, name: str, source: str) -> None:
        """Put another model in force, for a voice or for all that have none of their own.

        The plan stands until the new model has heard the song.
        """
        voice, cast = MODEL_CONTROLS[control], self.state.cast
        if name not in ("", *self.state.models, *([] if voice is None else [SAME])):
            there = ", ".join(sorted(self.state.models))
            self.messages.append(Refused(control, f"there is no model {name!r}: there is {there}", source))
            return
        if name:
            cast = replace(cast, model=name) if voice is None else cast.with_voice(voice, name)
            self.state = self.state.with_cast(cast)
        self.messages.append(ControlInForce(control, cast.model if voice is None else cast.of_voice[voice], source))

    def _move(self, name: str, value: Value) -> Move:
        """Return the result of a move in time, after the engine has heard all that was played."""
        self._settle()
        state = self.state
        performer = part_of(state, state.timeline.end).performer
        place = Place(next_context(state, state.timeline, performer), state.timeline.past())
        now = Moment(state.horizon, place, state.values)
        if name == "undo":
            return undo(state.machine, state.cues.has)
        if name == "store":
            return store(state.machine, str(value), now)
        if name == "recall":
            return recall(state.machine, str(value), now)
        if name == "reset":
            return leap(
                state.machine, name, Place(first_context(state.engine, knobs_of(state.values), state.conductor)), now
            )
        n_frames = int(value) if name == "rewind_frames" else round(float(value) * state.tempo.period_frames)
        return leap(state.machine, name, place.back(n_frames), now)

    def _go(self, move: Move, source: str) -> None:
        before = self.state.values
        self.state = replace(self.state, machine=move.machine)
        if move.cue is not None:
            self._put_cues(self.state.cues.without(move.cue))
        for name, value in (move.values or {}).items():
            if value != before[name]:
                self._put(name, value, self.state.machine)
                self._hear(StampedEvent(SetControl(name, value), source, self.state.horizon), self.state.horizon)
                self.messages.append(ControlInForce(name, value, source, is_consequence=True))
        if move.place is not None:
            self._leap(move.place)

    def _take_force(self, frame_index: int) -> None:
        self._in_force = {start: state for start, state in self._in_force.items() if start < frame_index}
        self._in_force[frame_index] = self.state

    def _void(self, frame_index: int) -> None:
        self.first_void = min(self.first_void, frame_index)

    def _settle(self) -> None:
        """Let the engine hear all that stands, as it was really played, and forget the plan."""
        horizon = self.state.horizon
        self._void(horizon)
        # take the frames as they sounded, not as an earlier event of this call changed them: a later event may undo it
        stood = self._before.since(self.first_void)[: horizon - self.first_void]
        timeline = self.state.timeline.cut(self.first_void)
        for step in stood:
            part = self._part(timeline.end)
            context = next_context(self.state, timeline, part.performer)
            timeline = timeline.append(replay(step, part, timeline, context))
        self.state = replace(self.state, timeline=timeline)
        self.first_void = horizon

    def _part(self, frame_index: int) -> Part:
        return part_of(self._in_force[max(start for start in self._in_force if start <= frame_index)], frame_index)

    def void_drifted(self) -> None:
        """Void frames that were planned on a beat that has moved since.

        The first void frame is the one before: the engine was told the beat when it heard that one.
        """
        state, timeline = self.state, self.state.timeline
        if state.tempo is self._tempo and state.values is self._values:
            return
        for step in timeline.since(state.horizon):
            frame_index = step.planned.frame_index
            is_leap = any(at == frame_index for at, _ in timeline.leaps)
            if frame_index <= timeline.start or is_leap or not timeline.at(frame_index - 1).is_fed:
                continue  # the engine was told no beat there
            if is_moved(step.context.told.beat, beat_before(state, frame_index)):
                self._void(max(frame_index - 1, state.tapped.frame_index))
                return

    def replan(self, end: int) -> Timeline:
        """Return the timeline up to `end`: void and missing frames are planned anew, and onsets moved to the beat."""
        if self.first_void < self.state.timeline.end:
            self._settle()
        state, timeline = self.state, self.state.timeline
        groove = groove_of(state, timeline)
        asked = Asked(state.values, groove)
        first = min(timeline.end, state.horizon) - MEMORY_FRAMES - 1
        reach = groove.reach(first, max(timeline.end, end) - first)
        while timeline.end < end:
            part = part_of(state, timeline.end)
            context = next_context(state, timeline, part.performer)
            is_early = timeline.end == state.horizon < self._before.end
            early = self._before.at(state.horizon) if is_early else None
            within = reach[timeline.end - MEMORY_FRAMES - first : timeline.end - first + 1]
            if timeline.end == state.horizon:
                within[-1] = within[-1].about_to_begin()
            timeline = timeline.append(plan(state, timeline, part, context, asked, early, within))
        return timed(state, timeline, groove, reach)

    def change_ears(self, timeline: Timeline) -> Timeline:
        """Let the model in force hear more of the song; once it has heard all, let it take over and plan anew."""
        state, memory = self.state, float(self.state.values["memory"])
        heard, ears = listen(timeline, state.horizon, state.engine, state.ears, memory)
        if heard is timeline and ears is state.ears:
            return timeline
        self.state = replace(state, timeline=heard, ears=ears)
        if heard is timeline:
            return timeline
        self._void(heard.end)
        return self.replan(timeline.end)


def _next_seed(seed: int) -> int:
    return int(uniform(seed_bits(seed), 0, N_VOICES, 3) * (1 << 53))
