"""The songs of a set-list: which comes when, and what changes with it, in values and in a live session."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import mido
import pytest
from hash_engine import HashEngine
from jack_keyboard import Keyboard
from livegen_process import OscClient
from midi_frames import still_on
from remote_port import RemotePort
from rich.console import Console
from waiting import wait_until

from livegen.cli.screen import Screen
from livegen.controls import DEFAULTS
from livegen.engines.checkpoint import load_engine
from livegen.events import PANIC, Event, NoteOff, NoteOn, ProgramChange, SetControl
from livegen.inputs.midi_settings import MidiInSettings
from livegen.outputs.midi_settings import MidiOutSettings
from livegen.patch import load_patch, patch_text
from livegen.rig import Knob, Rig, SetList, Song, load_library, load_rig, save_rig
from livegen.session.build import build_session
from livegen.session.desk import MOST_AHEAD, Desk
from livegen.session.mapping import ControllerMap
from livegen.session.session import Session
from livegen.session.settings import Settings
from livegen.session.songs import SET_LIST, Songs, scene_of
from livegen.takes.library import TakeSettings, find_take
from livegen.takes.replay import check
from livegen.takes.take import Take
from livegen.units import FRAME_RATE_HZ
from livegen.voices import Voice

LOAD_SECONDS = 90.0  # a model that is loaded for the first time ever is compiled first
KNOB = Knob("top_p", 3, "cc", 30)
RIGS = (
    Rig(patch="arcade", controls={"temperature": 0.5, "memory": 0.25}),
    Rig(model="other", models={Voice.NO: "gan"}, controls={"mode": "trade"}, knobs=(KNOB,)),
    Rig(midi_ins=(MidiInSettings("pad", voice=Voice.TR),)),
)
LIST = SetList(
    "Friday",
    (
        Song("Opening", RIGS[0], {"bpm": 120.0}),
        Song("Night", RIGS[1], {"key": "d", "scale": "minor"}, ("start", 4)),
        Song("2", RIGS[2], {}, ("solo", "p2")),
    ),
)
SCENES = tuple(scene_of(song, load_library(Rig())) for song in LIST.songs)


def songs(**changes: int) -> Songs:
    return Songs(SCENES, **changes)


def values_of(events: list[Event]) -> dict[str, object]:
    return {event.name: event.value for event in events if isinstance(event, SetControl)}


def test_next_and_previous_go_on_from_the_song_that_is_to_come_and_end_at_the_ends() -> None:
    at, refusal = songs().ask("next", True)
    assert (at.wanted, refusal) == (1, "")
    at, _ = at.ask("next", True)
    assert (at.current, at.wanted) == (0, 2)
    same, refusal = at.ask("next", True)
    assert (same, refusal) == (at, "2 is the last song")
    at, _ = at.begun("2").ask("previous", True)
    assert (at.current, at.wanted) == (2, 1)
    assert at.ask("next", True)[0].wanted is None  # thought better of
    assert songs().ask("previous", True)[1] == "Opening is the first song"


def test_a_song_is_found_by_its_name_or_else_by_its_number_and_may_begin_again() -> None:
    assert [songs().ask("song", text)[0].wanted for text in ("night", "NIGHT", "1", "2", "3")] == [1, 1, 0, 2, 2]
    for nowhere in ("4", "0", "-1", "day", "1.5"):
        at, refusal = songs().ask("song", nowhere)
        assert at == songs()
        assert refusal == f"there is no song {nowhere!r} in the set-list: there is Opening, Night, 2"
    assert Songs().ask("next", True)[1] == "this session has no set-list: begin one with --set-list FILE"


def test_a_song_that_is_wanted_no_more_does_not_begin() -> None:
    at, _ = songs().ask("song", "Night")
    later, _ = at.ask("song", "2")
    assert later.begun("Night") == later
    assert later.begun("2") == songs(current=2)


def test_a_song_begins_with_its_rig_over_its_patch_and_with_nothing_of_the_song_before() -> None:
    before = {**SCENES[0].values, "top_p": 0.3, "p2.mute": True}  # somebody has moved these
    changed = values_of(SCENES[1].events(before, MOST_AHEAD))
    arcade = load_patch("arcade").controls
    assert changed == {
        **{name: DEFAULTS[name] for name in arcade},
        **{"temperature": DEFAULTS["temperature"], "memory": 1.0, "top_p": DEFAULTS["top_p"], "p2.mute": False},
        **{"patch": "plain", "model": "other", "p1.model": "same", "p2.model": "same", "tr.model": "same"},
        **{"no.model": "gan", "mode": "trade", "bpm": 0.0, "key": "d", "scale": "minor"},
        **{"song": "Night", "stop": True, "start": 4},
    }
    assert SCENES[2].values["tr.role"] == "player"  # since a keyboard plays it


def test_a_song_s_cue_comes_after_all_else_and_starts_the_band_that_it_is_for() -> None:
    assert SCENES[0].events(DEFAULTS, MOST_AHEAD)[-1] == SetControl("song", "Opening")
    assert SCENES[1].events(DEFAULTS, MOST_AHEAD)[-2:] == [SetControl("stop", True), SetControl("start", 4)]
    assert SCENES[2].events(DEFAULTS, MOST_AHEAD)[-2:] == [SetControl("start", True), SetControl("solo", "p2")]


def test_a_plan_is_no_longer_than_the_models_of_the_song_allow() -> None:
    assert values_of(SCENES[0].events(DEFAULTS, 5))["lookahead"] == 5
    assert "lookahead" not in values_of(SCENES[0].events(DEFAULTS, MOST_AHEAD))


class Band:
    """A desk with the set-list, whose models are loaded when it is told."""

    def __init__(self, **loaded: int) -> None:
        self.loaded: list[str] = []
        self.desk = Desk(
            ControllerMap((), ("Opening", "Night", "2"), "song"),
            {"arcade": load_patch("arcade"), "plain": load_patch("plain")},
            "arcade",
            {},
            models=("default", "other", "gan"),
            loaded={"default": MOST_AHEAD, **loaded},
            load=self._load,
            songs=songs(),
        )

    def _load(self, name: str) -> int:
        self.loaded.append(name)
        return 7 if name == "gan" else 9

    def hear(self, event: Event, source: str = "osc") -> list[Event]:
        return self.desk.hear(event, source, DEFAULTS)


def test_a_song_has_its_place_once_its_models_are_there_and_only_once() -> None:
    band = Band()
    assert band.hear(SetControl("next", True)) == [SetControl("next", True)]
    assert band.desk.song_to_place() is None
    band.desk.load_models(DEFAULTS)
    assert (band.loaded, band.desk.song_to_place()) == (["other"], None)
    band.desk.load_models(DEFAULTS)
    assert [band.desk.song_to_place(), band.desk.song_to_place()] == ["Night", None]
    events = band.hear(SetControl("song", "Night"), SET_LIST)
    assert values_of(events)["lookahead"] == 7
    assert (band.desk.patch, band.desk.knobs.knobs, band.desk.songs.current) == ("plain", (KNOB,), 1)
    assert band.desk.news == "Night, song 2 of 3"
    scene = band.desk.new_scene()
    assert scene is not None
    assert (scene.name, band.desk.new_scene()) == ("Night", None)


def test_the_songs_beside_the_one_that_plays_are_loaded_before_anybody_asks() -> None:
    band = Band()
    for _ in range(4):
        band.desk.load_models(DEFAULTS)
    assert band.loaded == ["other", "gan"]


def test_a_panic_calls_a_song_off_that_was_to_come() -> None:
    band = Band(other=9, gan=9)
    band.hear(SetControl("next", True))
    assert band.desk.song_to_place() == "Night"
    assert band.hear(PANIC) == [PANIC]
    assert band.hear(SetControl("song", "Night"), SET_LIST) == []
    assert band.desk.songs == songs()


def test_a_program_change_picks_a_song_and_one_too_many_is_told() -> None:
    band = Band(other=9, gan=9)
    assert band.hear(ProgramChange(0, 1), "midi:pedal") == []
    assert band.desk.song_to_place() == "Night"
    assert band.hear(ProgramChange(0, 3), "midi:pedal") == []
    assert band.desk.news == "program 4 picks no song: there are 3"


# A live session, on the null clock.


@pytest.fixture
def open_session(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Open and start sessions with set-lists of rigs, and see at the end that each stopped without a fault."""
    opened: list[Session] = []

    def start(*each: Song, midi_api: str = "none") -> Session:
        set_list = SetList("set", each)
        first = each[0]
        library = load_library(first.rig, others=[song.rig for song in each])
        texts = {name: patch_text(name) for name in library.patches}
        session = build_session(
            HashEngine("default"),  # in place of the shipped model
            load_patch(first.rig.patch or "plain"),
            Settings(
                audio="null",
                midi_api=midi_api,
                midi_ins=first.rig.midi_ins or (),
                midi_outs=first.rig.midi_outs or (),
                osc_port=0,
                seed=7,
                controls={**first.rig.controls, **first.controls},
                library=library,
                rig=first.rig,
                set_list=set_list,
                take=TakeSettings(tmp_path, {"name": "default", "folder": ""}, "plain", texts),
            ),
        )
        opened.append(session)
        session.start(lambda: None)
        return session

    yield start
    for session in opened:
        session.stop()
        assert (session.status.faults, session.status.last_fault) == (0, "")


def test_a_song_begins_on_a_bar_line_with_its_model_and_the_take_is_the_same_again(
    open_session: Callable[..., Session], tmp_path: Path
) -> None:
    plain = Rig(controls={"temperature": 0.5})
    session = open_session(
        Song("Opening", plain, {"bpm": 300.0}),
        Song("Night", Rig(model="solo"), {"bpm": 240.0}),
        Song("Last", plain, {}, ("drop", True)),
    )
    osc = OscClient(session.osc.port)
    state = lambda: session.instrument.state  # noqa: E731  # it changes
    try:
        assert wait_until(lambda: state().song == "Opening")
        session.receive(NoteOn(0, 60, 100), "keys")
        assert osc.ask("/livegen/song") == ("/livegen/song", ["Opening"])
        osc.send("/livegen/next", 1)
        assert wait_until(lambda: state().song == "Night", LOAD_SECONDS)
        assert session.model == "solo"
        (at,) = [frame for frame, _ in state().timeline.leaps if frame > 0][-1:]
        assert state().tempo.bpm == pytest.approx(240.0)
        assert state().tempo.bar_and_beat_at(at + 0.1, 4) == (1, 1)
        before = 300.0 / 60.0 / FRAME_RATE_HZ  # beats a frame, counted from the first frame on
        assert abs(at * before / 4.0 - round(at * before / 4.0)) * 4.0 / before <= 1.0  # a bar line, within a frame
        assert wait_until(lambda: session.instrument.values["temperature"] == DEFAULTS["temperature"])
        assert session.rig().model == "solo"
        assert session.instrument.held_keys  # a key that is held stays held
        session.receive(NoteOff(0, 60), "keys")
        osc.send("/livegen/song", "last")
        assert wait_until(lambda: state().song == "Last" and state().cues.pending, LOAD_SECONDS)
        shown = io.StringIO()
        with Screen(session, Console(file=shown, force_terminal=True, width=120)):
            assert wait_until(lambda: session.instrument.values["temperature"] == 0.5)
        assert "3/3 Last · plain" in shown.getvalue()
        assert session.instrument.values["bpm"] == 0.0
        assert wait_until(lambda: not session.instrument.held_keys)
    finally:
        osc.close()
    session.stop()
    take = Take(find_take(None, tmp_path))
    outcome = check(take, HashEngine("default"), load=lambda each: load_engine(Path(each.folder)))
    assert outcome.difference == ""


def test_saving_keeps_the_rig_of_the_song_that_plays(
    open_session: Callable[..., Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGEN_CONFIG_DIR", str(tmp_path / "config"))
    rigs = [tmp_path / f"{name}.toml" for name in ("a", "b")]
    save_rig(rigs[0], Rig())
    save_rig(rigs[1], Rig(patch="lead"))
    session = open_session(Song("A", load_rig(str(rigs[0]))), Song("B", load_rig(str(rigs[1]))))
    session.receive(SetControl("next", True), "keys")
    lead = load_patch("lead").controls["temperature"]
    assert wait_until(lambda: session.instrument.values["temperature"] == lead, LOAD_SECONDS)
    session.receive(SetControl("temperature", 0.5), "keys")
    session.receive(SetControl("save", ""), "keys")
    assert wait_until(lambda: load_rig(str(rigs[1])).controls.get("temperature") == 0.5)
    assert load_rig(str(rigs[1])).patch == "lead"
    assert load_rig(str(rigs[0])).controls == {}


@pytest.mark.device
def test_a_song_opens_its_own_ports_and_keeps_those_that_both_have(
    open_session: Callable[..., Session], keyboard: Keyboard
) -> None:
    synth, drums = RemotePort("in", "synth", "in"), RemotePort("in", "drums", "in")
    rig = Rig(midi_outs=(MidiOutSettings("synth"),), midi_ins=(MidiInSettings("keyboard", voice=Voice.P1),))
    both = replace(rig, midi_outs=(*rig.midi_outs, MidiOutSettings("drums")))
    heard: dict[RemotePort, list[mido.Message]] = {synth: [], drums: []}

    def hears(port: RemotePort, has: Callable[[mido.Message], bool]) -> bool:
        new = [mido.Message.from_bytes(data) for data in port.take()]
        heard[port] += new
        return any(map(has, new))

    def is_model_s(message: mido.Message) -> bool:
        return message.type == "note_on"

    try:
        session = open_session(Song("A", rig), Song("B", both), Song("C", Rig()), midi_api="jack")
        assert wait_until(lambda: hears(synth, is_model_s))
        keyboard.send(0x90, 60, 100)
        assert wait_until(lambda: len(session.instrument.held_keys) == 1)
        session.receive(SetControl("song", "B"), "osc")
        assert wait_until(lambda: hears(drums, is_model_s), LOAD_SECONDS)
        assert [key.key for key in session.instrument.held_keys] == [60]  # on a port that both have
        session.receive(SetControl("song", "C"), "osc")
        assert wait_until(lambda: session.instrument.held_keys == (), LOAD_SECONDS)  # which this one has not
        assert wait_until(lambda: session.midi_outs is not None and session.midi_outs.names == ["livegen out"])
        assert wait_until(lambda: session.midi_in is not None and session.midi_in.names == ["livegen in"])
    finally:
        for port in (synth, drums):
            heard[port] += [mido.Message.from_bytes(data) for data in port.unplug()]
    for messages in heard.values():
        assert still_on(messages, is_sure=False) == set()
