"""A live session: the only part that starts and joins the threads that play.

Threads only move things: inputs put events into the instrument, the frame thread lets it plan before each frame is due,
and outputs take what they need. Once the first thread has started, exceptions are not raised but counted, and shown on
the status line.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Event, Thread, get_ident
from typing import Final

from livegen.controls import DEFAULTS, MODEL_CONTROLS, Value
from livegen.engines.cast import Cast
from livegen.events import SetControl
from livegen.inputs.link import LinkInput
from livegen.inputs.midi import MidiInput
from livegen.inputs.midi_file import MidiFilePlayer
from livegen.inputs.osc import OscServer
from livegen.inputs.terminal import SOURCE as TERMINAL
from livegen.inputs.terminal import TerminalKeys
from livegen.instrument.instrument import COMMIT_MARGIN_SECONDS, Instrument
from livegen.outputs.callback import MAX_PIECE_SAMPLES
from livegen.outputs.midi import MidiOutput
from livegen.outputs.scope import Scope
from livegen.outputs.tap import TapReader
from livegen.patch import Patch
from livegen.performance.cues.placing import next_bar
from livegen.performance.performance import prepare
from livegen.performance.state import ControlInForce, Refused
from livegen.performance.turn import FrameReport
from livegen.rig import Rig
from livegen.session.audience import Audience
from livegen.session.casting import Kind, casting_remark, kinds_in_force, silent_voices, unheeded_remark
from livegen.session.clock import AudioClock
from livegen.session.desk import Desk, Outcome
from livegen.session.feedback.devices import Devices
from livegen.session.feedback.feedback import Feedback
from livegen.session.inbox import Inbox
from livegen.session.midi_outs import MidiOuts
from livegen.session.pacing.plans import PlanLog
from livegen.session.settings import Settings
from livegen.session.songs import SET_LIST
from livegen.session.sound.speaker import Speaker
from livegen.session.status import Status
from livegen.system.garbage import GarbageClock
from livegen.system.threads import cpu_clock, raise_priority, real_time_process
from livegen.takes.recorder import Recorder
from livegen.units import FRAME_RATE_HZ, frame_to_sample, sample_to_frame
from livegen.voices import Voice

_HEARTBEAT_SECONDS: Final = 1.0
_JOIN_SECONDS: Final = 2.0
_HOUSEKEEPING_SECONDS: Final = 0.2
_AFTER_FAULT_SECONDS: Final = 0.02
_FRAME_SECONDS: Final = 1.0 / FRAME_RATE_HZ
_MOST_EARLY_SECONDS: Final = 0.2
_NOTICE_FRAMES: Final = 6
"""How long before its bar line a song is placed there at least, so that its first frame is planned as its own."""

_INTO_FRAME_NS: Final = 3_000_000
"""How far into its first frame a song is placed, since the clock's fit may move back by a millisecond."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a session, open and not yet started; `livegen.session.build` puts them together.

    Attributes
    ----------
    opened : contextlib.ExitStack
        Closes all that is open, the sound first.
    """

    instrument: Instrument
    clock: AudioClock
    speaker: Speaker
    desk: Desk
    inbox: Inbox
    osc: OscServer
    midi_in: MidiInput | None
    midi_outs: MidiOuts | None
    lights: Devices | None
    link: LinkInput | None
    file_player: MidiFilePlayer | None
    recorder: Recorder | None
    opened: contextlib.ExitStack


class Session:
    """Everything that sounds, listens and plans, ready to `start`.

    Parameters
    ----------
    parts : Parts
    settings : Settings
    patches : mapping of str to Patch
        All patches that it can change to, with the one that it begins with.
    model : str
        The model that was asked for, for all voices that have none of their own.
    warnings : list of str
        What the user should know about how ports and devices were chosen.

    Attributes
    ----------
    instrument : Instrument
    clock : AudioClock
    tap : TapReader
        The sound, for one thread that passes it on.
    scope : Scope
        The waveforms of the voices, for the same thread.
    status : Status
        State and troubles of the session.
    plans : PlanLog
        What the last plans took.
    warnings : list of str
    observers : list of callable
        Called on the frame thread with a `FrameReport` after each frame was planned; they must be quick.
    audience : list of Audience
        Told which controls took effect or were refused; OSC is the first.
    """

    def __init__(
        self, parts: Parts, settings: Settings, patches: Mapping[str, Patch], model: str, *, warnings: list[str]
    ) -> None:
        self.instrument, self.clock, self.speaker = parts.instrument, parts.clock, parts.speaker
        self.desk, self.osc, self.link = parts.desk, parts.osc, parts.link
        self.midi_in, self.midi_outs, self.file_player = parts.midi_in, parts.midi_outs, parts.file_player
        self.recorder, self._lights = parts.recorder, parts.lights
        self.receive, self._play = parts.inbox.receive, parts.inbox.play
        self.receive_together, self._keep_time = parts.inbox.receive_together, parts.inbox.run
        parts.inbox.plan_seconds = self._lead_seconds
        self._garbage = GarbageClock()
        self.plans = PlanLog(lambda: self._garbage.total_ns)
        self.tap = TapReader(self.instrument.callback, MAX_PIECE_SAMPLES)
        self.scope = Scope(self.instrument.callback)
        self.status = Status(
            self.instrument,
            self.clock,
            self.speaker,
            self.osc,
            parts.inbox.unheard,
            self.midi_in,
            self.midi_outs,
            self.recorder,
        )
        if self._lights is not None:
            self.status.counters.append(self._lights.counts)
        self.warnings = warnings
        self.observers: list[Callable[[FrameReport], None]] = []
        self.audience: list[Audience] = [self.osc, *([] if self._lights is None else [self._lights])]
        self.terminal: TerminalKeys | None = None
        self.instrument.announce = self._announce
        self._settings, self._patches = settings, patches
        self._first_patch, self._first_model = self.desk.patch, model
        self._unheeded: tuple[Cast, str] | None = None  # what was last said of controls that no model heeds
        self._lights_wait = False  # whether inputs have changed since
        self._stop, self._has_come = Event(), Event()
        self.instrument.notify = self._has_come.set
        self._threads: list[Thread] = []
        self._attached: list[tuple[str, Callable[[Event], None], bool]] = []
        self._opened = parts.opened

    def start(self, quit_session: Callable[[], None]) -> None:
        """Begin to play: plan the first frames, then start the sound and the threads.

        Parameters
        ----------
        quit_session : callable
            Called when the performer asks to leave with a key of the terminal.
        """
        self.terminal = TerminalKeys(
            self.receive,
            lambda: self.instrument.values,
            lambda: self.instrument.state.is_running,
            quit_session,
            self.status.ports,
        )
        self._opened.enter_context(real_time_process())
        self._opened.enter_context(self._garbage)
        if self.recorder is not None:
            self.recorder.start()
        if self.desk.songs.scene is not None:
            self.receive(SetControl("song", self.desk.songs.scene.name), SET_LIST)
        self.instrument.play_frame(0, self.clock.position_at)
        self.speaker.start()
        self._start_thread("sound", self.speaker.run)
        self._start_thread("frames", self._play_frames)
        self._start_thread("schedule", self._keep_time)
        self._start_thread("housekeeping", self._keep_house, is_urgent=False)
        self._start_thread("desk", self._work_at_desk, is_urgent=False)
        for name, part in (("midi in", self.midi_in), ("osc", self.osc), ("link", self.link)):
            if part is not None:
                self._start_thread(name, part.run)
        self._run_lights([] if self._lights is None else self._lights.feedbacks)
        for name, run, is_urgent in self._attached:
            self._start_thread(name, run, is_urgent=is_urgent)
        self._run_outputs([] if self.midi_outs is None else self.midi_outs.outputs)
        if self.has_terminal:
            self._start_thread("terminal", self.terminal.run)
        if self.file_player is not None:
            player = self.file_player
            self._start_thread("file", lambda stop: player.run(stop, self.seconds))

    def attach(self, name: str, run: Callable[[Event], None], *, is_urgent: bool) -> None:
        """Run a function on a thread of the session, from its start until it is told to stop.

        Parameters
        ----------
        name : str
        run : callable
            Called with the event that tells it to stop.
        is_urgent : bool
            Whether it plays, as an input of keys does; then its thread has priority.
        """
        self._attached.append((name, run, is_urgent))

    def heard_position_at(self, time_ns: int) -> float:
        """Return what is heard at a time, in frames since the start; the device's latency is subtracted."""
        return self.clock.heard_position_at(time_ns, self.speaker.latency_seconds)

    def seconds(self) -> float:
        """Return how long the session has played, by the audio clock."""
        return self.clock.seconds()

    @property
    def has_terminal(self) -> bool:
        """Whether keys of the terminal play."""
        return self._settings.has_keys and self.terminal is not None and self.terminal.is_usable

    @property
    def said(self) -> list[str]:
        """What the terminal shows below all else: the last sentence, be it news or a reply, and what is being typed."""
        keys, desk = self.terminal, self.desk
        if keys is None:
            return [desk.news]
        is_news = desk.said_seconds > keys.replied_seconds
        return [*([desk.news] if is_news else []), *([keys.line] if keys.is_typing or not is_news else [])]

    def stop(self) -> None:
        """Release every note, join every thread, ramp the sound down and close everything; safe to call twice.

        May hang if a driver of MIDI hangs. By then every note is released and the sound has ended.
        """
        self._stop.set()
        self._has_come.set()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)
        if self.recorder is not None:
            self.recorder.stop()
        self._opened.close()

    def rig(self) -> Rig:
        """Return the rig of the session as it stands now, to be saved."""
        scene, name = self.desk.songs.scene, self.desk.patch
        asked, patch, model = self._settings.rig, self._first_patch, self._first_model
        if scene is not None:
            asked, patch, model = scene.rig, scene.patch, scene.cast.model
        is_asked = name == patch and asked.patch is not None
        names = {name: self._text_of(name) for name in self.cast.models}
        begun = {**DEFAULTS, **self._patches[name].controls}
        values = self.instrument.values.items()
        return replace(
            asked,
            patch=asked.patch if is_asked else self._settings.library.texts.get(name, name),
            model=asked.model if self.model == model else names[self.model],
            models={voice: names[name] for voice, name in self.cast.own.items()} or None,
            osc_peers=tuple(dict.fromkeys((*(asked.osc_peers or ()), *self.osc.peers))) or None,
            controls={control: value for control, value in values if value != begun[control]},
            knobs=self.desk.knobs.knobs,
        )

    def _text_of(self, model: str) -> str:
        """Return what a rig calls a model: its name, or the path of its folder."""
        return self._settings.library.models.get(model, model)

    @property
    def name(self) -> str:
        """Name of the rig that it plays, or empty; any thread may ask."""
        path = self.desk.path
        return "" if path is None else path.stem

    @property
    def patch_names(self) -> list[str]:
        """Names of the patches that it can change to."""
        return sorted(self._patches)

    @property
    def model_names(self) -> list[str]:
        """Names of the models that it can change to."""
        return sorted({*self._settings.library.models, *self.cast.models})

    @property
    def model(self) -> str:
        """Name of the model in force, or of the one whose voices have none of their own; any thread may ask."""
        return self.cast.model

    @property
    def cast(self) -> Cast:
        """Which model in force plays which voice; any thread may ask."""
        return self.instrument.state.cast

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kinds of the models in force, by their names; any thread may ask."""
        state = self.instrument.state
        return kinds_in_force(state.engine, state.cast)

    @property
    def silent_voices(self) -> list[Voice]:
        """Voices that the model in force is to play and does not have; any thread may ask."""
        return silent_voices(self.instrument.values, self.instrument.model_voices)

    @property
    def casting(self) -> str:
        """What to do about voices that the model does not have, in a sentence, or empty; any thread may ask."""
        return casting_remark(self.cast, self.instrument.model_voices, self.instrument.values)

    def _tell(self, outcome: Outcome) -> None:
        for audience in self.audience:
            for sentence in outcome.news:
                audience.tell_news(sentence)
            for name, reason in outcome.refused:
                audience.refuse(name, reason)
        for event in outcome.done:
            self._play(event, "session")

    def _announce(self, report: FrameReport) -> None:
        self.plans.answer()
        in_force = [message for message in report.messages if isinstance(message, ControlInForce)]
        if self.recorder is None and any(message.name == "capture" for message in in_force):
            in_force = [message for message in in_force if message.name != "capture"]
            self._refuse("capture", "nothing is kept, because this jam is not recorded: begin one without --no-take")
        values = {message.name: message.value for message in in_force}
        remarks = [*filter(None, (self._casting_since(values, report), self._unheeded_since(values, report)))]
        for remark in remarks:
            for audience in self.audience:
                audience.tell_news(remark, values)
        for name, value in values.items():
            for audience in self.audience:
                audience.announce(name, value)
        changed = {message.name: message.value for message in in_force if message.is_consequence}
        for done in in_force:
            if done.source == TERMINAL and self.terminal is not None:
                self.terminal.confirm(done.name, done.value, changed)
                if done.name == "patch" or done.name in MODEL_CONTROLS:  # or it was only asked which one plays
                    self.desk.say(f"{done.name} {done.value}")
        for remark in remarks:
            self.desk.say(remark)
        for message in report.messages:
            if isinstance(message, Refused):
                self._refuse(message.name, message.reason)

    def _refuse(self, name: str, reason: str) -> None:
        self.desk.say(reason)
        for audience in self.audience:
            audience.refuse(name, reason)

    def _casting_since(self, in_force: Mapping[str, Value], report: FrameReport) -> str:
        """Return what is to be said of voices that the model does not have, since these controls are in force."""
        if MODEL_CONTROLS.keys().isdisjoint(in_force) and not any(name.endswith(".role") for name in in_force):
            return ""
        values = {**self.instrument.values, **{name: in_force[name] for name in in_force if name in DEFAULTS}}
        return casting_remark(report.cast, report.engine.info.voices, values, in_force)

    def _unheeded_since(self, in_force: Mapping[str, Value], report: FrameReport) -> str:
        """Return what is to be said of controls that no model heeds: once, however often a fader moves."""
        said = unheeded_remark(in_force, report.engine)
        if not said or self._unheeded == (report.cast, said):
            return ""
        self._unheeded = report.cast, said
        return said

    def _start_thread(self, name: str, run: Callable[[Event], None], *, is_urgent: bool = True) -> None:
        def survive() -> None:
            self.plans.watch(name, cpu_clock(get_ident()))
            raise_priority(is_in_hurry=is_urgent)
            while not self._stop.is_set():
                try:
                    run(self._stop)
                    return
                except Exception as error:  # on stage nothing raises: count it, show it, go on
                    self.status.count_fault(name, error)
                    self._stop.wait(_AFTER_FAULT_SECONDS)

        thread = Thread(target=survive, name=f"livegen {name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _play_frames(self, stop: Event) -> None:
        """Plan each frame for the last time just before the callback needs it."""
        instrument, clock, plans = self.instrument, self.clock, self.plans
        due_index = instrument.state.horizon
        while not stop.is_set():
            # a late plan is one for a later frame, which is planned again when it is due itself
            frame_index = max(due_index + 1, instrument.state.horizon)
            now_ns = time.perf_counter_ns()
            sample = clock.sample_at(now_ns)
            seconds_to_frame = (frame_to_sample(frame_index, clock.sample_rate) - sample) / clock.sample_rate
            wait_seconds = seconds_to_frame - self._lead_seconds()
            if wait_seconds > 0:
                self._has_come.clear()
                if instrument.rehearse(frame_index, clock.position_at):
                    plans.rehearse()
                else:
                    self._has_come.wait(min(wait_seconds, _FRAME_SECONDS))
                continue  # look again: a key may have come, the clock been corrected, or the device stood still
            plans.begin(now_ns, wait_seconds, seconds_to_frame)
            due_index = frame_index
            if wait_seconds < -_FRAME_SECONDS:  # fell behind: what sounded meanwhile stands
                due_index = max(frame_index, sample_to_frame(sample, clock.sample_rate) + 1)
            instrument.latency_seconds = self.speaker.latency_seconds
            report = instrument.play_frame(due_index, clock.position_at)
            plans.plan()
            for observe in self.observers:
                observe(report)
            plans.end(report, frame_index, instrument.state.timeline.end, clock.block_seconds())

    def _lead_seconds(self) -> float:
        """Return how long before its first sample is due a frame is planned for the last time.

        A device that asks early asks within the margin, where answers are so quick that they leave room for it: a frame
        that is planned earlier knows less.
        """
        early_seconds = min(self.clock.earliness_ns() / 1e9, _MOST_EARLY_SECONDS)
        room_seconds = self.plans.room_seconds(COMMIT_MARGIN_SECONDS)
        lead_seconds = self.clock.block_seconds() + max(early_seconds - room_seconds, 0.0)
        if self.midi_outs is not None:  # a frame that is sent before it is heard must be settled earlier
            lead_seconds = max(lead_seconds, self.midi_outs.earliest_seconds - self.speaker.latency_seconds)
        return COMMIT_MARGIN_SECONDS + lead_seconds

    def _work_at_desk(self, stop: Event) -> None:
        while not stop.wait(_HOUSEKEEPING_SECONDS):
            self.desk.load_models(self.instrument.values)
            self._go_through_songs()
            self.desk.keep(self.rig)
            prepare(self.instrument.state)
        self.desk.keep(self.rig)  # saves what was asked for since

    def _go_through_songs(self) -> None:
        """Give a song that was asked for its place in time, and wire the ports of one that has begun."""
        if self._lights_wait and self._lights is not None:
            self._lights_wait = False
            self._run_lights(self._lights.rewire())
        song, scene = self.desk.song_to_place(), self.desk.new_scene()
        if song is not None:
            self.receive_together((SetControl("song", song),), SET_LIST, self._bar_line_ns())
        if scene is None:
            return
        ins, outs = scene.ports
        if self.midi_in is not None:
            self.midi_in.rewire(ins)
            self._lights_wait = True  # until the thread of the inputs has done that
        if self.midi_outs is not None:
            self._run_outputs(self.midi_outs.rewire(outs))

    def _run_outputs(self, outputs: Iterable[MidiOutput]) -> None:
        for output in outputs:
            self._start_thread(f"midi out {output.name}", output.run)

    def _run_lights(self, feedbacks: Iterable[Feedback]) -> None:
        for feedback in feedbacks:
            self._start_thread(f"lights {feedback.name}", feedback.run, is_urgent=False)

    def _bar_line_ns(self) -> int | None:
        """Return when the next bar begins that a song can begin with; None for at once, where nothing plays in bars."""
        state, values = self.instrument.state, self.instrument.values
        if not state.is_running or state.tempo.source == "none" or values["cue_when"] == "now":
            return None
        soonest = state.horizon + _NOTICE_FRAMES
        bar = next_bar(state.tempo, soonest, int(values["beats_a_bar"]))
        return self.clock.time_of_frame(state.tempo.frame_at(bar, soonest)) + _INTO_FRAME_NS

    def _keep_house(self, stop: Event) -> None:
        next_heartbeat = time.perf_counter()
        while not stop.wait(_HOUSEKEEPING_SECONDS):
            self._tell(self.desk.outcome())
            if self.recorder is not None:
                self.recorder.count({"faults": self.status.faults, **self.status.counts()})
            if time.perf_counter() >= next_heartbeat:
                next_heartbeat += _HEARTBEAT_SECONDS
                stats = self.instrument.callback["stats"][0]
                late, underflows = int(stats["late_frames"]), int(stats["underflows"])
                self.osc.heartbeat(self.seconds(), late, underflows, self.osc.received, self.osc.dropped)
