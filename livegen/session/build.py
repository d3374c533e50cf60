"""Puts a live session together: opens the devices, and raises an error if something is wrong with the set-up.

`build_session` is the only place that knows all parts. A part knows only those other parts that it is handed.
"""

import contextlib
from dataclasses import replace

from livegen.controls import DEFAULTS, SAME, VOICE_PREFIX
from livegen.engines.checkpoint import load_conductor, load_engine
from livegen.engines.ensemble import cast_of, models_of
from livegen.engines.pace import frames_ahead, ms_per_second
from livegen.engines.protocol import Conducts, Engine
from livegen.engines.rest import REST
from livegen.errors import AudioError, PortError, ProfileError, TakeError
from livegen.events import SetControl
from livegen.formats.files import refuse
from livegen.formats.played import Played, read_played
from livegen.inputs.link import LinkInput, OwnBeat
from livegen.inputs.midi import MidiInput
from livegen.inputs.midi_file import MidiFilePlayer
from livegen.inputs.midi_settings import FEEDBACK_OFF, FEEDBACK_ON, labels_of, roles_of, wirings
from livegen.inputs.osc import DEFAULT_PORT, OscServer
from livegen.instrument.compile import Compiling, compile_all
from livegen.instrument.instrument import Instrument
from livegen.offline.capture import Captures
from livegen.outputs.devices import NULL_SAMPLE_RATE, choose_channels
from livegen.outputs.midi_settings import MidiOutSettings
from livegen.patch import Patch
from livegen.profiles.reader import load_profile
from livegen.session.clock import AudioClock
from livegen.session.desk import MOST_AHEAD, Desk
from livegen.session.feedback.devices import Devices
from livegen.session.inbox import Inbox
from livegen.session.link import SOURCE as LINK
from livegen.session.link import own_beat
from livegen.session.mapping import ControllerMap
from livegen.session.midi_outs import MidiOuts
from livegen.session.session import Parts, Session
from livegen.session.settings import Settings, resting
from livegen.session.songs import Songs, scene_of
from livegen.session.sound.card import Card, open_card
from livegen.session.sound.speaker import Speaker
from livegen.system.midi_echo import EchoFilter
from livegen.system.midi_names import choose_ports
from livegen.system.midi_ports import MidiSystem, find_midi
from livegen.system.resources import model_folder
from livegen.takes.library import TakeSettings, model_hash, new_take
from livegen.takes.recorder import Recorder
from livegen.takes.records import Loaded
from livegen.voices import Voice


def build_session(engine: Engine, patch: Patch, settings: Settings) -> Session:
    """Return a session with everything open, ready to `start`.

    Parameters
    ----------
    engine : Engine
    patch : Patch
    settings : Settings

    Raises
    ------
    LivegenError
        If something that was asked for by name cannot be opened; then nothing is left open.
    """
    with contextlib.ExitStack() as opened:
        card = opened.enter_context(open_card(settings.audio))
        return _Builder(engine, patch, settings, card).session(opened)


class _Builder:
    """The parts of a session while they are put together. A part is made after those that it depends on."""

    def __init__(self, engine: Engine, patch: Patch, settings: Settings, card: Card | None) -> None:
        self._settings = settings
        self._warnings: list[str] = []
        self._played = self._read_file(settings)
        told = {} if self._played is None else self._played.controls
        controls = {**told, **_roles_of_file(settings), **roles_of(settings.midi_ins), **settings.controls}
        self._patches = {**settings.library.patches, patch.name: patch}
        self._asked, conductor = engine, load_conductor(engine)
        self._compiling = self._compile(engine, patch, conductor)
        if self._compiling is not None:
            engine = load_engine(model_folder(REST))
            self._settings = replace(settings, take=resting(settings.take))
        lookahead = int({**DEFAULTS, **patch.controls, **controls}["lookahead"])
        ahead = frames_ahead(engine.name, ms_per_second(engine), MOST_AHEAD)
        if ahead < lookahead:
            controls["lookahead"] = ahead
            self._warnings.append(f"the model {engine.name} is slow on this machine: it plans {ahead} frames ahead")
        self._card = card if card is not None and card.begin() else None
        device = None if self._card is None else self._card.device
        self._instrument = Instrument(
            engine,
            patch,
            settings.rate or (NULL_SAMPLE_RATE if device is None else device.sample_rate),
            controls=controls,
            seed=settings.seed,
            n_channels=choose_channels(device, is_apart=settings.is_apart),
            is_apart=settings.is_apart,
            patches=settings.library.patches,
            record=None if self._card is None else self._card.record,
            conductor=conductor,
        )
        self._clock = AudioClock(self._instrument.callback)
        songs = () if settings.set_list is None else settings.set_list.songs
        self._scenes = tuple(scene_of(song, settings.library) for song in songs)
        self._desk = Desk(
            self._controller_map(),
            self._patches,
            patch.name,
            controls,
            settings.rig.path,
            models=settings.library.models,
            loaded=dict.fromkeys(models_of(engine), ahead),
            load=self._load_model,
            songs=Songs(self._scenes, wanted=0 if songs else None),
        )
        self._midi_in: MidiInput | None = None
        self._midi_outs: MidiOuts | None = None
        self._lights: Devices | None = None
        self._recorder: Recorder | None = None

    def _controller_map(self) -> ControllerMap:
        """Return the knobs of the rig; program changes pick songs where there are any, and else patches."""
        settings, songs = self._settings, tuple(scene.name for scene in self._scenes)
        return ControllerMap(
            settings.rig.first_knobs,
            songs or settings.library.programs,
            "song" if songs else "patch",
            labels=labels_of(settings.midi_ins),
        )

    def _compile(self, engine: Engine, patch: Patch, conductor: Conducts | None) -> Compiling | None:
        """Compile what is to play, but no models if the session is to begin before they are compiled."""
        if self._settings.is_patient or self._settings.set_list is not None or not Compiling.is_wanted():
            compile_all(engine, patch, conductor)
            return None
        return Compiling(engine, patch, conductor)

    def _read_file(self, settings: Settings) -> Played | None:
        """Return what the file plays that is to be played; what of it is damaged is a warning, or too much."""
        if settings.play is None:
            return None
        warn = refuse if settings.is_strict else self._warnings.append
        return read_played(settings.play, settings.play_voices or tuple(Voice), warn)

    def session(self, opened: contextlib.ExitStack) -> Session:
        """Open the parts, and let `opened` close them if that fails; else the session does."""
        settings, instrument = self._settings, self._instrument
        self._speaker = self._open_speaker()
        self._speaker.say = self._desk.tell
        opened.callback(self._speaker.stop)
        if self._compiling is not None:
            opened.callback(self._compiling.end)
        self._inbox = Inbox(self._desk, instrument, self._clock)
        try:
            self._open_midi(opened)
        except PortError as error:
            if settings.midi_ins or settings.midi_outs or settings.midi_api != "auto":
                raise
            self._warnings.append(f"no MIDI: {error}")
        osc = self._open_osc()
        opened.callback(osc.close)
        link = self._open_link(opened) if settings.link else None
        file_player = None
        if self._played is not None and settings.play is not None:
            file_player = MidiFilePlayer(self._played.timeline, self._inbox.receive, f"file:{settings.play.name}")
        self._recorder = None if settings.take is None else self._begin_take(settings.take)
        opened.callback(self._speaker.stop)  # so the sound is closed first, since closing MIDI ports may hang
        parts = Parts(
            instrument=instrument,
            clock=self._clock,
            speaker=self._speaker,
            desk=self._desk,
            inbox=self._inbox,
            osc=osc,
            midi_in=self._midi_in,
            midi_outs=self._midi_outs,
            lights=self._lights,
            link=link,
            file_player=file_player,
            recorder=self._recorder,
            opened=opened.pop_all(),
        )
        asked = cast_of(self._asked)
        if self._compiling is not None:
            for control, model in asked.controls.items():
                if model != SAME:
                    self._desk.hear(SetControl(control, model), "session", instrument.values)
        return Session(parts, settings, self._patches, asked.model, warnings=self._warnings)

    def _open_speaker(self) -> Speaker:
        settings, callback = self._settings, self._instrument.callback
        latency_seconds = None if settings.latency_ms is None else settings.latency_ms / 1000.0
        try:
            return Speaker(callback, self._card, settings.block or 0, latency_seconds=latency_seconds)
        except AudioError as error:
            if settings.audio is not None or settings.rate or settings.block:
                raise
            self._warnings.append(f"no sound: {error}")  # the device was not asked for by name
            return Speaker(callback)

    def _open_midi(self, opened: contextlib.ExitStack) -> None:
        settings = self._settings
        named = [*(each.port for each in settings.midi_ins), *(each.port for each in settings.midi_outs)]
        is_needed = any(port is not None for port in named)
        midi, reason = find_midi(settings.midi_api, is_needed=is_needed)
        if midi is None:
            self._warnings.append(reason)
            return
        self._look_for_ports(midi)
        opened.callback(midi.close)
        echo = EchoFilter()
        self._midi_in = MidiInput(settings.midi_ins, midi, self._inbox.receive, echo=echo)
        opened.callback(self._midi_in.close)
        self._inbox.wiring_of = self._midi_in.wiring_of
        self._warnings += self._midi_in.warnings
        outs = settings.midi_outs or ((MidiOutSettings(),) if midi.has_virtual_ports else ())
        self._midi_outs = MidiOuts(midi, outs, self._instrument, self._time_heard, echo)
        opened.callback(self._midi_outs.close)
        self._warnings += self._midi_outs.warnings
        self._inbox.midi_outs = self._midi_outs
        self._lights = Devices(midi, self._midi_in, self._desk, self._instrument, echo)
        opened.callback(self._lights.close)
        self._warnings += self._lights.warnings

    def _look_for_ports(self, midi: MidiSystem) -> None:
        """See that the ports and profiles of all songs are there; raises PortError: nobody is to find out on stage."""
        if not self._scenes:
            return
        there_in, there_out = midi.port_names("in"), midi.port_names("out")
        for scene in self._scenes:
            ins, outs = scene.ports
            try:
                choose_ports(there_in, [each.port for each in wirings(ins) if each.port], "in")
                choose_ports(there_out, [each.port for each in outs if each.port], "out")
                for each in ins:
                    if each.feedback not in (FEEDBACK_OFF, FEEDBACK_ON):
                        load_profile(each.feedback)
            except (PortError, ProfileError) as error:
                raise PortError(f"the song {scene.name}: {error}") from None

    def _open_osc(self) -> OscServer:
        def listen(port: int) -> OscServer:
            host = self._settings.osc_host
            return OscServer(self._inbox.receive_together, lambda: self._instrument.values, host, port)

        if self._settings.osc_port is not None:
            server = listen(self._settings.osc_port)
        else:
            try:
                server = listen(DEFAULT_PORT)
            except PortError:  # the port was not asked for, so any free one will do: another livegen may have this one
                server = listen(0)
                self._warnings.append(f"OSC port {DEFAULT_PORT} is in use: this session listens on {server.port}")
        for host, port in self._settings.rig.osc_peers or ():
            if not server.add_peer(host, port):
                self._warnings.append(f"OSC peer {host}:{port} hears nothing: nobody knows {host} here")
        return server

    def _open_link(self, opened: contextlib.ExitStack) -> LinkInput:
        link = LinkInput(lambda event, time_ns: self._instrument.receive(event, LINK, time_ns), self._own_beat)
        opened.callback(link.close)
        return link

    def _begin_take(self, settings: TakeSettings) -> Recorder | None:
        try:
            folder, head = new_take(settings, self._instrument)
            recorder = Recorder(folder, head, Captures(folder, self._settings.captures))
        except TakeError as error:
            if settings.folder is not None:
                raise
            self._warnings.append(f"this jam is not recorded: {error}")  # the folder was not asked for by name
            return None
        self._instrument.watch = recorder.record
        return recorder

    def _load_model(self, name: str) -> int:
        """Load a model that the instrument can change to, and record it in the take; raises CheckpointError.

        Returns how many frames it can be planned ahead.
        """
        if self._compiling is not None:
            self._compiling.wait()
        folder = model_folder(self._settings.library.models[name])
        engine = models_of(self._asked).get(name) or load_engine(folder)
        engine.warm_up()
        ahead = frames_ahead(name, ms_per_second(engine), MOST_AHEAD)
        if self._recorder is not None:
            self._recorder.load(Loaded(name, str(folder.resolve()), model_hash(folder)))
        self._instrument.add_model(name, engine)
        return ahead

    def _own_beat(self, time_ns: int) -> OwnBeat:
        """Return the beat that is heard at a time."""
        frame = self._clock.heard_position_at(time_ns, self._speaker.latency_seconds)
        return own_beat(self._instrument.state.tempo, frame, int(self._instrument.values["beats_a_bar"]))

    def _time_heard(self, frame_index: int) -> float:
        """Return when a frame is heard, in seconds of `time.perf_counter`."""
        return self._clock.time_heard(frame_index, self._speaker.latency_seconds)


def _roles_of_file(settings: Settings) -> dict[str, str]:
    """Return the roles that go without saying where some voices of a file play: those are the performer's."""
    if settings.play is None or settings.play_voices is None:
        return {}
    return {VOICE_PREFIX[v] + "role": "player" if v in settings.play_voices else "model" for v in Voice}
