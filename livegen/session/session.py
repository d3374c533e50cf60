"""A live session: it opens what plays and what is played on, and alone starts and joins threads.

Threads only carry: inputs put events into the instrument, the frame thread lets it plan before each frame is due,
outputs pull. Everything that can go wrong with the set-up is raised before the first thread starts; nothing is
raised after that, but counted, for the status line to say.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread
from typing import Final

from livegen.controls import DEFAULTS, Value
from livegen.engines.checkpoint import load_predictor
from livegen.engines.protocol import Predictor
from livegen.errors import AudioError, PortError, TakeError
from livegen.events import Event as InputEvent
from livegen.formats.midi.file import midi_timeline
from livegen.inputs.link import LinkInput, OwnBeat
from livegen.inputs.midi import MidiInput
from livegen.inputs.midi_file import MidiFilePlayer
from livegen.inputs.osc import DEFAULT_PORT, OscServer
from livegen.inputs.terminal import TerminalKeys
from livegen.instrument.instrument import FrameReport, Instrument, compile_all
from livegen.outputs.audio import NULL_SAMPLE_RATE, AudioDevice, choose_channels, choose_device
from livegen.outputs.callback import MAX_PIECE_SAMPLES
from livegen.outputs.midi_settings import MidiOutSettings
from livegen.outputs.tap import TapReader
from livegen.patch import Patch
from livegen.performance.state import ControlInForce, Refused
from livegen.rig import DEFAULT_KNOBS, Library, Rig
from livegen.session.audience import Audience
from livegen.session.clock import COMMIT_MARGIN_SECONDS, AudioClock
from livegen.session.desk import Desk, Outcome
from livegen.session.link import SOURCE as LINK
from livegen.session.link import own_beat
from livegen.session.mapping import ControllerMap
from livegen.session.midi_outs import MidiOuts
from livegen.session.panic import PANIC, PanicButton
from livegen.session.speaker import Speaker
from livegen.session.status import Status
from livegen.session.threads import raise_priority, real_time_process
from livegen.system.midi_echo import EchoFilter
from livegen.system.midi_ports import find_midi
from livegen.system.resources import model_folder
from livegen.takes.library import TakeSettings, model_hash, new_recorder
from livegen.takes.recorder import Recorder
from livegen.takes.records import Loaded
from livegen.units import FRAME_RATE_HZ, frame_to_sample, sample_to_frame

_HEARTBEAT_SECONDS: Final = 1.0
_JOIN_SECONDS: Final = 2.0
_HOUSEKEEPING_SECONDS: Final = 0.2
_AFTER_FAULT_SECONDS: Final = 0.02
_FRAME_SECONDS: Final = 1.0 / FRAME_RATE_HZ
_MOST_EARLY_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Settings:
    """What a session is opened with; names as on the command line.

    Attributes
    ----------
    audio : str or None
        Device, host API, ``"null"``, or None for the best there is.
    is_apart : bool
        Whether each voice sounds on a channel of its own.
    rate, block : int or None
        Sample rate in Hz and samples a block; None takes the device's own.
    latency_ms : float or None
        From a sample's making to its sound, as `livegen calibrate` measures it; None believes the device.
    midi_api : str
    midi_in : str or None
        Part of a port's name; None opens a virtual port where the system has them.
    midi_outs : tuple of MidiOutSettings
        None at all opens a virtual port where the system has them.
    osc_host : str
    osc_port : int or None
        UDP port, 0 for a free one; None takes the usual one, or a free one where that is in use.
    link : bool
        Whether to join the Ableton Link session of the network.
    play : Path or None
        A MIDI file that is played into the session.
    seed : int
    controls : mapping
        Values over those of the patch.
    take : TakeSettings or None
        Where and how the jam is recorded; None is not.
    library : Library
        Patches that may be changed to.
    rig : Rig
        What the session was asked for, by a rig and over it by options: what `save` keeps begins as this.
    """

    audio: str | None = None
    is_apart: bool = False
    rate: int | None = None
    block: int | None = None
    latency_ms: float | None = None
    midi_api: str = "auto"
    midi_in: str | None = None
    midi_outs: tuple[MidiOutSettings, ...] = ()
    osc_host: str = "127.0.0.1"
    osc_port: int | None = None
    link: bool = False
    play: Path | None = None
    seed: int = 0
    controls: Mapping[str, Value] = field(default_factory=dict)
    take: TakeSettings | None = None
    library: Library = field(default_factory=Library)
    rig: Rig = field(default_factory=Rig)


class Session:
    """Everything that sounds, listens and plans, opened and ready to `start`.

    Parameters
    ----------
    predictor : Predictor
    patch : Patch
    settings : Settings

    Attributes
    ----------
    instrument : Instrument
    clock : AudioClock
    tap : TapReader
        The sound, for one thread that hands it on.
    status : Status
        How it stands.
    warnings : list of str
        What the user should know about how ports and devices were chosen.
    observers : list of callable
        Called on the frame thread with a `FrameReport` after each frame was planned; they must be quick.
    audience : list of Audience
        Told what comes of the controls; OSC is the first.

    Raises
    ------
    LivegenError
        If anything that was asked for by name cannot be had.
    """

    def __init__(self, predictor: Predictor, patch: Patch, settings: Settings) -> None:
        compile_all(predictor, patch)
        timeline = None if settings.play is None else midi_timeline(settings.play)
        device = choose_device(settings.audio)
        rate = settings.rate or (NULL_SAMPLE_RATE if device is None else device.sample_rate)
        self.instrument = Instrument(
            predictor,
            patch,
            rate,
            controls=settings.controls,
            seed=settings.seed,
            n_channels=choose_channels(device, is_apart=settings.is_apart),
            is_apart=settings.is_apart,
            patches=settings.library.patches,
        )
        self._asked, self._begun_with, self._first_model = settings, patch, predictor.name
        knobs = ControllerMap(
            DEFAULT_KNOBS if settings.rig.knobs is None else settings.rig.knobs, settings.library.programs
        )
        self.desk = Desk(
            knobs,
            self._patches(),
            patch.name,
            settings.controls,
            settings.rig.path,
            models=settings.library.models,
            model=predictor.name,
            load=self._load_model,
        )
        self.clock = AudioClock(self.instrument.engine)
        self.tap = TapReader(self.instrument.engine, MAX_PIECE_SAMPLES)
        self.warnings: list[str] = []
        self.observers: list[Callable[[FrameReport], None]] = []
        self._stop = Event()
        self._threads: list[Thread] = []
        self._attached: list[tuple[str, Callable[[Event], None], bool]] = []
        self._opened = contextlib.ExitStack()
        self.midi_in: MidiInput | None = None
        self.midi_outs: MidiOuts | None = None
        self._panic = PanicButton()
        self.terminal: TerminalKeys | None = None
        self.file_player: MidiFilePlayer | None = None
        with contextlib.ExitStack() as opened:
            self.speaker = self._open_speaker(settings, device)
            opened.callback(self.speaker.stop)
            try:
                self._open_midi(settings, opened)
            except PortError as error:
                if settings.midi_in or settings.midi_outs or settings.midi_api != "auto":
                    raise
                self.warnings.append(f"no MIDI: {error}")
            self.osc = self._open_osc(settings)
            opened.callback(self.osc.close)
            for host, port in settings.rig.osc_peers or ():
                if not self.osc.add_peer(host, port):
                    self.warnings.append(f"OSC peer {host}:{port} hears nothing: nobody knows {host} here")
            self.audience: list[Audience] = [self.osc]
            self.link = self._open_link(opened) if settings.link else None
            self.instrument.announce = self._announce
            if timeline is not None and settings.play is not None:
                self.file_player = MidiFilePlayer(timeline, self.receive, f"file:{settings.play.name}")
            self.recorder = None if settings.take is None else self._open_take(settings.take)
            self.status = Status(
                self.instrument, self.clock, self.speaker, self.osc, self.midi_in, self.midi_outs, self.recorder
            )
            opened.callback(self.speaker.stop)  # first of all, since closing MIDI ports may hang
            self._opened = opened.pop_all()

    def start(self, quit_session: Callable[[], None]) -> None:
        """Begin to play: plan the first frames, then let time pass.

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
        )
        self._opened.enter_context(real_time_process())
        if self.recorder is not None:
            self.recorder.start()
        self.instrument.play_frame(0, self.clock.position_at)
        self.speaker.start()
        self._start_thread("frames", self._play_frames)
        self._start_thread("housekeeping", self._keep_house)
        self._start_thread("desk", self._work_at_desk)
        for name, part in (("midi in", self.midi_in), ("osc", self.osc), ("link", self.link)):
            if part is not None:
                self._start_thread(name, part.run)
        for name, run, is_urgent in self._attached:
            self._start_thread(name, run, is_urgent=is_urgent)
        for output in self.midi_outs.outputs if self.midi_outs is not None else ():
            self._start_thread(f"midi out {output.name}", output.run)
        if self.terminal.is_usable:
            self._start_thread("terminal", self.terminal.run)
        if self.file_player is not None:
            player = self.file_player
            self._start_thread("file", lambda stop: player.run(stop, self.seconds))

    def attach(self, name: str, run: Callable[[Event], None], *, is_urgent: bool) -> None:
        """Have something run on a thread of the session's from its start until it is told to stop.

        Parameters
        ----------
        name : str
        run : callable
            Takes the event that tells it to stop.
        is_urgent : bool
            Whether it plays, as keys do, and takes its turn before all that does not.
        """
        self._attached.append((name, run, is_urgent))

    def heard_position_at(self, time_ns: int) -> float:
        """Return what is heard at a time, in frames since the start: the device's latency is taken off."""
        return self.clock.position_at(time_ns) - self.speaker.latency_seconds * FRAME_RATE_HZ

    def seconds(self) -> float:
        """Return how long the session has played, by the audio clock."""
        return self.clock.seconds()

    @property
    def has_terminal(self) -> bool:
        """Whether keys of the terminal play."""
        return self.terminal is not None and self.terminal.is_usable

    @property
    def typed(self) -> str:
        """What is being typed at the terminal, or came of it."""
        return "" if self.terminal is None else self.terminal.line

    def stop(self) -> None:
        """Release every note, join every thread, ramp the sound down and close everything; safe to call twice.

        May hang where a driver does: python-rtmidi keeps the whole interpreter waiting for a JACK server that has
        dropped it. By then every note is released and the sound has ended.
        """
        self._stop.set()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)
        if self.recorder is not None:
            self.recorder.stop()
        self._opened.close()

    def _open_speaker(self, settings: Settings, device: AudioDevice | None) -> Speaker:
        engine, block_samples = self.instrument.engine, settings.block or 0
        latency_seconds = None if settings.latency_ms is None else settings.latency_ms / 1000.0
        try:
            return Speaker(engine, device, block_samples, latency_seconds=latency_seconds)
        except AudioError as error:
            if settings.audio is not None or settings.rate or settings.block:
                raise
            self.warnings.append(f"no sound: {error}")  # nobody named this device
            return Speaker(engine, None)

    def _open_take(self, settings: TakeSettings) -> Recorder | None:
        try:
            recorder = new_recorder(settings, self.instrument)
        except TakeError as error:
            if settings.folder is not None:
                raise
            self.warnings.append(f"this jam is not recorded: {error}")  # nobody named this place
            return None
        self.instrument.watch = recorder.record
        return recorder

    def _open_osc(self, settings: Settings) -> OscServer:
        def listen(port: int) -> OscServer:
            return OscServer(self.receive, lambda: self.instrument.values, settings.osc_host, port)

        if settings.osc_port is not None:
            return listen(settings.osc_port)
        try:
            return listen(DEFAULT_PORT)
        except PortError:  # nobody asked for this port, so another livegen may have it
            server = listen(0)
            self.warnings.append(f"OSC port {DEFAULT_PORT} is in use: this session listens on {server.port}")
            return server

    def _open_link(self, opened: contextlib.ExitStack) -> LinkInput:
        link = LinkInput(lambda event, time_ns: self.instrument.receive(event, LINK, time_ns), self._own_beat)
        opened.callback(link.close)
        return link

    def _own_beat(self, time_ns: int) -> OwnBeat:
        """Return what the beat is that is heard at a time."""
        frame = self.heard_position_at(time_ns)
        return own_beat(self.instrument.state.tempo, frame, int(self.instrument.values["beats_a_bar"]))

    def _open_midi(self, settings: Settings, opened: contextlib.ExitStack) -> None:
        is_needed = settings.midi_in is not None or any(out.port is not None for out in settings.midi_outs)
        midi, reason = find_midi(settings.midi_api, is_needed=is_needed)
        if midi is None:
            self.warnings.append(reason)
            return
        opened.callback(midi.close)
        echo = EchoFilter()
        self.midi_in = MidiInput(settings.midi_in, midi, self.receive, echo=echo)
        opened.callback(self.midi_in.close)
        self.warnings += self.midi_in.warnings
        outs = settings.midi_outs or ((MidiOutSettings(),) if midi.has_virtual_ports else ())
        self.midi_outs = MidiOuts(midi, outs, self.instrument, self._time_of_sound, echo)
        opened.callback(self.midi_outs.close)
        self.warnings += self.midi_outs.warnings

    def receive(self, event: InputEvent, source: str) -> None:
        """Take an event from any input; the `Sink` of them all."""
        for passed in self.desk.hear(event, source, self.instrument.values):
            self._play(passed, source)

    def _play(self, event: InputEvent, source: str) -> None:
        """Take an event that is music."""
        now_seconds, was_running = time.perf_counter(), self.instrument.is_model_audible
        self.instrument.receive(event, source)
        if self.midi_outs is not None:
            self.midi_outs.follow_keys()
        if event == PANIC:
            everywhere = self._panic.goes_everywhere(now_seconds, is_running=was_running)
            if self.midi_outs is not None:
                self.midi_outs.panic(everywhere=everywhere)
        elif self._panic.is_pressed(event, source, now_seconds):
            self._play(PANIC, source)

    def rig(self) -> Rig:
        """Return what a rig is to keep, as it stands now."""
        asked, name = self._asked, self.desk.patch
        is_first = name == self._begun_with.name and asked.rig.patch is not None
        begun = {**DEFAULTS, **self._patches()[name].controls}
        values = self.instrument.values.items()
        return replace(
            asked.rig,
            patch=asked.rig.patch if is_first else asked.library.texts.get(name, name),
            model=asked.rig.model if self.model == self._first_model else asked.library.models.get(self.model),
            osc_peers=tuple(dict.fromkeys((*(asked.rig.osc_peers or ()), *self.osc.peers))) or None,
            controls={control: value for control, value in values if value != begun[control]},
            knobs=self.desk.knobs.knobs,
        )

    @property
    def patch_names(self) -> list[str]:
        """Names of the patches that it can change to."""
        return sorted(self._patches())

    @property
    def model_names(self) -> list[str]:
        """Names of the models that it can change to."""
        return sorted({*self._asked.library.models, self.model})

    @property
    def model(self) -> str:
        """Name of the model in force, from any thread."""
        return self.instrument.state.model

    def _load_model(self, name: str) -> None:
        """Load a model for the instrument to change to, and tell the take of it; raises CheckpointError."""
        folder = model_folder(self._asked.library.models[name])
        predictor = load_predictor(folder)
        predictor.warm_up()
        if self.recorder is not None:
            self.recorder.load(Loaded(name, str(folder.resolve()), model_hash(folder)))
        self.instrument.add_model(name, predictor)

    def _patches(self) -> Mapping[str, Patch]:
        return {**self._asked.library.patches, self._begun_with.name: self._begun_with}

    def _tell(self, outcome: Outcome) -> None:
        for audience in self.audience:
            for sentence in outcome.news:
                audience.tell_news(sentence)
            for name, reason in outcome.refused:
                audience.refuse(name, reason)
        for event in outcome.done:
            self._play(event, "session")

    def _announce(self, report: FrameReport) -> None:
        in_force = [message for message in report.messages if isinstance(message, ControlInForce)]
        for name, value in {message.name: message.value for message in in_force}.items():
            for audience in self.audience:
                audience.announce(name, value)
        for message in report.messages:
            if isinstance(message, Refused):
                self.desk.say(message.reason)
                for audience in self.audience:
                    audience.refuse(message.name, message.reason)

    def _time_of_sound(self, frame_index: int) -> float:
        """Return when a frame is heard, in seconds of `time.perf_counter`."""
        return self.clock.time_of_frame(frame_index) / 1e9 + self.speaker.latency_seconds

    def _start_thread(self, name: str, run: Callable[[Event], None], *, is_urgent: bool = True) -> None:
        def survive() -> None:
            if is_urgent:
                raise_priority()
            while not self._stop.is_set():
                try:
                    run(self._stop)
                    return
                except Exception as error:  # on stage nothing raises: count it, say it, go on
                    self.status.count_fault(name, error)
                    self._stop.wait(_AFTER_FAULT_SECONDS)

        thread = Thread(target=survive, name=f"livegen {name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _play_frames(self, stop: Event) -> None:
        """Plan each frame once more just before the callback needs it."""
        instrument, clock = self.instrument, self.clock
        while not stop.is_set():
            frame_index = instrument.state.horizon + 1
            sample = clock.sample_at(time.perf_counter_ns())
            wait_seconds = (frame_to_sample(frame_index, clock.sample_rate) - sample) / clock.sample_rate
            wait_seconds -= self._lead_seconds()
            if wait_seconds > 0:
                stop.wait(min(wait_seconds, _FRAME_SECONDS))
                continue  # the clocks' fit may have moved, or the device stood still
            if wait_seconds < -_FRAME_SECONDS:  # fell behind: what sounded meanwhile stands
                frame_index = max(frame_index, sample_to_frame(sample, clock.sample_rate) + 1)
            instrument.latency_seconds = self.speaker.latency_seconds
            report = instrument.play_frame(frame_index, clock.position_at)
            for observe in self.observers:
                observe(report)

    def _lead_seconds(self) -> float:
        """Return how long before its first sample is due a frame must be there, and is planned for the last time."""
        block_seconds = self.clock.block_samples() / self.clock.sample_rate
        lead_seconds = block_seconds + min(self.clock.earliness_ns() / 1e9, _MOST_EARLY_SECONDS)
        if self.midi_outs is not None:  # what leaves before its sound stands earlier
            lead_seconds = max(lead_seconds, self.midi_outs.earliest_seconds - self.speaker.latency_seconds)
        return COMMIT_MARGIN_SECONDS + lead_seconds

    def _work_at_desk(self, stop: Event) -> None:
        raise_priority(is_in_hurry=False)
        while not stop.wait(_HOUSEKEEPING_SECONDS):
            self.desk.load_models()
            self.desk.keep(self.rig)
        self.desk.keep(self.rig)  # what was asked for last

    def _keep_house(self, stop: Event) -> None:
        raise_priority(is_in_hurry=False)
        next_heartbeat = time.perf_counter()
        while not stop.wait(_HOUSEKEEPING_SECONDS):
            self.speaker.check()
            self._tell(self.desk.outcome())
            if self.recorder is not None:
                self.recorder.count({"faults": self.status.faults, **self.status.counts()})
            if time.perf_counter() >= next_heartbeat:
                next_heartbeat += _HEARTBEAT_SECONDS
                stats = self.instrument.engine["stats"][0]
                late, underflows = int(stats["late_frames"]), int(stats["underflows"])
                self.osc.heartbeat(self.seconds(), late, underflows, self.osc.received, self.osc.dropped)
