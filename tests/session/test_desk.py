"""Knobs, patches and rigs in a live session: on the null clock, by real sockets, files and JACK."""

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hash_engine import HashEngine
from jack_keyboard import Keyboard
from livegen_process import OscClient
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer
from pythonosc.udp_client import SimpleUDPClient
from rich.console import Console
from waiting import wait_until

from livegen.cli.screen import Screen
from livegen.controls import DEFAULTS, osc_address
from livegen.engines.checkpoint import load_engine
from livegen.errors import CheckpointError
from livegen.events import ControlChange, Event, NoteOff, NoteOn, ProgramChange, SetControl
from livegen.patch import load_patch, parse_patch
from livegen.rig import Knob, Rig, load_library, load_rig, save_rig
from livegen.score import Voice
from livegen.session.build import build_session
from livegen.session.desk import MOST_AHEAD, Desk, Outcome
from livegen.session.mapping import ControllerMap
from livegen.session.session import Session
from livegen.session.settings import Settings
from livegen.system.resources import model_folder, rigs_folder
from livegen.takes.library import TakeSettings, find_take, model_hash
from livegen.takes.records import Loaded
from livegen.takes.replay import check
from livegen.takes.take import Take

KEYS = "midi:keys"


@pytest.fixture(autouse=True)
def _own_rigs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGEN_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def open_session() -> Iterator[Callable[..., Session]]:
    """Open and start sessions, and see at the end that each stopped without a fault."""
    opened: list[Session] = []

    def start(rig: Rig = Rig(), **settings: object) -> Session:  # noqa: B008  # a value
        silent = {"audio": "null", "midi_api": "none", "osc_port": 0, "seed": 7, "controls": rig.controls}
        patch = load_patch(rig.patch or "plain")
        session = build_session(
            HashEngine(), patch, Settings(**{**silent, **settings}, rig=rig, library=load_library(rig))
        )
        opened.append(session)
        session.start(lambda: None)
        return session

    yield start
    for session in opened:
        session.stop()
        assert (session.status.faults, session.status.last_fault) == (0, "")


@pytest.fixture
def client() -> Iterator[Callable[[Session], OscClient]]:
    """Talk to sessions by OSC."""
    clients: list[OscClient] = []

    def connect(session: Session) -> OscClient:
        clients.append(OscClient(session.osc.port))
        return clients[-1]

    yield connect
    for one in clients:
        one.close()


def register(client: OscClient) -> OscClient:
    client.send("/livegen/register")
    return client


def test_a_knob_is_learned_by_osc_and_everybody_hears_of_it(
    open_session: Callable[..., Session], client: Callable[[Session], OscClient]
) -> None:
    session = open_session()
    osc = register(client(session))
    osc.send("/livegen/learn", "p2.volume")
    assert osc.receive_from("/livegen/news") == ["move the knob that is to set p2.volume"]
    session.receive(ControlChange(0, 20, 100), KEYS)
    assert osc.receive_from("/livegen/news") == ["CC 20 on channel 1 sets p2.volume"]
    for value in (120, 127, 64):
        session.receive(ControlChange(0, 20, value), KEYS)
    assert session.instrument.values["p2.volume"] == pytest.approx(64 / 127)
    while (heard := osc.receive_from("/livegen/p2/volume")) != [pytest.approx(64 / 127)]:
        assert 0.5 < heard[0] <= 1.0  # type: ignore[operator]


def test_python_osc_as_a_client_asks_sets_registers_and_is_told(open_session: Callable[..., Session]) -> None:
    heard: list[tuple[str, tuple[object, ...]]] = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *arguments: heard.append((address, arguments)))
    session = open_session()
    sender = SimpleUDPClient("127.0.0.1", session.osc.port)
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as listener:
        listener.timeout = 0.1

        def hears(address: str, *arguments: object) -> bool:
            def is_there() -> bool:
                listener.handle_request()
                return (address, arguments) in heard if arguments else address in dict(heard)

            return wait_until(is_there)

        sender.send_message("/livegen/register", listener.server_address[1])
        sender.send_message("/livegen/top_p", 0.5)
        assert hears("/livegen/top_p", 0.5)
        sender.send_message("/livegen/p2/mute", True)
        assert hears("/livegen/p2/mute", 1)
        sender.send_message("/livegen/p2/role", [])
        assert hears("/livegen/p2/role", "model")
        sender.send_message("/livegen/p2/role", "drummer")
        assert hears("/livegen/error")
        sender.send_message("/livegen/dump", [])
        assert all(hears(osc_address(name)) for name in DEFAULTS)
        assert hears("/livegen/heartbeat")
        seconds, *counts = dict(heard)["/livegen/heartbeat"]
        assert isinstance(seconds, float)
        assert [type(count) for count in counts[:4]] == [int] * 4
        assert counts[4:] in ([], ["values refused", 1])  # it may have left before the drummer came


def test_a_control_that_is_none_cannot_be_learned(
    open_session: Callable[..., Session], client: Callable[[Session], OscClient]
) -> None:
    osc = client(open_session())
    address, (sentence,) = osc.ask("/livegen/learn", "tempretaure")
    assert address == "/livegen/error"
    assert "learn cannot be 'tempretaure': allowed is the name of a control" in str(sentence)


def test_a_patch_changes_while_a_key_is_held(
    open_session: Callable[..., Session], client: Callable[[Session], OscClient]
) -> None:
    session = open_session()
    instrument, osc = session.instrument, client(session)
    synth = instrument.callback["synth"]
    session.receive(NoteOn(0, 60, 100), KEYS)
    assert wait_until(lambda: synth["voices"]["playing"]["note"][0, 0] == 60)
    assert osc.ask("/livegen/patch", "lead") == ("/livegen/patch", ["lead"])
    assert osc.ask("/livegen/patch") == ("/livegen/patch", ["lead"])
    assert synth["voices"]["playing"]["note"][0, 0] == 60
    assert instrument.state.keyboard.held != ()
    assert {name: instrument.values[name] for name in load_patch("lead").controls} == load_patch("lead").controls
    assert instrument.state.notation.timbres == tuple(voice.timbre.values[0] for voice in load_patch("lead").voices)
    session.receive(NoteOff(0, 60), KEYS)
    assert wait_until(lambda: not any(synth["voices"]["playing"]["note"][0, :1]))
    address, (sentence,) = osc.ask("/livegen/patch", "heavy")
    assert address == "/livegen/error"
    assert str(sentence).startswith("there is no patch 'heavy': there is arcade, ")
    assert session.desk.patch == "lead"


def test_program_changes_walk_through_the_rigs_patches(open_session: Callable[..., Session]) -> None:
    session = open_session(Rig(patches=("split", "drums")))
    for program, name in ((0, "split"), (1, "drums"), (0, "split")):
        session.receive(ProgramChange(4, program), KEYS)
        assert session.desk.patch == name
        wanted = load_patch(name).drum_notes
        assert wait_until(lambda wanted=wanted: session.instrument.state.notation.drum_notes == wanted)
        assert {name: session.instrument.values[name] for name in load_patch(name).controls} == load_patch(
            name
        ).controls


def test_a_patch_takes_back_what_it_brought_and_nothing_else() -> None:
    texts = {
        "first": "[controls]\nvolume = 0.6\ntemperature = 0.7\ngrid = 0.2\nmemory = 0.5",
        "second": "[controls]\nmemory = 0.25\ntop_p = 0.75\nvolume = 1.0",
    }
    patches = {name: parse_patch(text, name, name) for name, text in texts.items()}
    desk = Desk(ControllerMap(), patches, "first", {"volume": 0.3})
    values = {**DEFAULTS, **patches["first"].controls, "volume": 0.3, "temperature": 1.5, "lookahead": 20}
    changed = {event.name: event.value for event in desk.hear(SetControl("patch", "second"), "osc", values)}
    assert changed == {
        "patch": "second",
        "memory": 0.25,
        "top_p": 0.75,
        "grid": DEFAULTS["grid"],  # the first one's, and nobody has moved it; the temperature somebody has
    }  # and the volume is the rig's, whatever a patch says


def test_a_model_is_loaded_once_and_the_last_one_asked_for_plays() -> None:
    loaded: list[str] = []
    outcomes: list[Outcome] = []

    def load(name: str) -> int:
        outcomes.append(desk.outcome())  # is told while it loads, which may take long
        loaded.append(name)
        return 3 if name == "third" else MOST_AHEAD

    models = ("first", "second", "third")
    desk = Desk(ControllerMap(), {}, "", {}, models=models, loaded={"first": MOST_AHEAD}, load=load)

    def ask(name: str) -> list[Event]:
        return desk.hear(SetControl("model", name), "osc", DEFAULTS)

    assert ask("first") == [SetControl("model", "first")]
    assert ask("") == [SetControl("model", "")]
    assert ask("second") == ask("third") == ask("second") == []
    assert desk.news == "loading the model second"
    assert ask("") == [SetControl("model", "")]
    desk.load_models(DEFAULTS)
    assert loaded == ["second", "third"]
    while_second, while_third = outcomes
    assert while_second.news[-1] == "loading the model second"
    assert while_third == Outcome(["model second"], [], [SetControl("model", "second")])
    assert desk.outcome() == Outcome()
    assert ask("third") == [SetControl("lookahead", 3), SetControl("model", "third")]  # it is a slow one
    desk.load_models(DEFAULTS)
    assert desk.outcome().done == []
    assert ask("fourth") == []
    assert desk.outcome().refused == [("model", "there is no model 'fourth': there is first, second, third")]


def test_a_voice_gets_a_model_of_its_own_when_that_is_loaded() -> None:
    desk = Desk(ControllerMap(), {}, "", {}, models=("first", "second"), loaded={"first": MOST_AHEAD})

    def ask(control: str, name: str) -> list[Event]:
        return desk.hear(SetControl(control, name), "osc", DEFAULTS)

    assert ask("no.model", "second") == ask("p2.model", "second") == []
    assert ask("p2.model", "same") == [SetControl("p2.model", "same")]  # it was thought better of
    assert desk.news == "P2: the model of the others"
    desk.load_models(DEFAULTS)
    outcome = desk.outcome()
    assert outcome.done == [SetControl("no.model", "second")]
    assert outcome.news[-1] == "NO: model second"
    assert ask("model", "same") == ask("tr.model", "third") == []
    assert desk.outcome().refused == [
        ("model", "there is no model 'same': there is first, second"),
        ("tr.model", "there is no model 'third': there is first, second"),
    ]


def test_the_status_line_says_that_a_model_is_loaded_for_as_long_as_that_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("livegen.session.desk.time.monotonic", lambda: now)
    desk = Desk(ControllerMap(), {}, "", {}, models=("first", "second"), loaded={"first": MOST_AHEAD})
    assert desk.news == ""
    desk.hear(SetControl("model", "second"), "osc", DEFAULTS)
    desk.tell("patch lead")
    assert desk.news == "patch lead"
    now += 60.0
    assert desk.news == "loading the model second"
    desk.load_models(DEFAULTS)
    assert desk.news == "model second"
    now += 60.0
    assert desk.news == ""


def test_a_model_that_cannot_be_loaded_is_said_and_the_one_before_plays_on() -> None:
    def load(name: str) -> int:
        raise CheckpointError(f"{name} is damaged")

    desk = Desk(ControllerMap(), {}, "", {}, models=("first", "second"), loaded={"first": MOST_AHEAD}, load=load)
    desk.hear(SetControl("model", "second"), "osc", DEFAULTS)
    desk.load_models(DEFAULTS)
    outcome = desk.outcome()
    assert (outcome.done, outcome.refused) == ([], [("model", "second is damaged")])
    assert desk.news == "second is damaged"
    assert desk.hear(SetControl("model", "second"), "osc", DEFAULTS) == []  # it may have been mended


def test_a_model_changes_while_it_plays_and_the_rig_keeps_it(
    open_session: Callable[..., Session], client: Callable[[Session], OscClient], model: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(model, mine)
    session = open_session(
        Rig(model=str(mine)), take=TakeSettings(tmp_path, {"name": "hash", "folder": ""}, "plain", {"plain": ""})
    )
    osc = register(client(session))
    state = lambda: session.instrument.state  # noqa: E731  # it changes
    assert client(session).ask("/livegen/model") == ("/livegen/model", ["hash"])
    assert wait_until(lambda: state().horizon > 30)
    osc.send("/livegen/model", "mine")
    assert osc.receive_from("/livegen/news") == ["loading the model mine"]
    assert osc.receive_from("/livegen/news") == ["model mine"]
    assert osc.receive_from("/livegen/model") == ["mine"]
    assert wait_until(lambda: session.model == "mine" and state().ears is None)
    assert state().timeline.at(state().horizon + 2).context.engine.name == "mine"
    assert (session.rig().model, session.desk.patch) == (str(mine), "plain")
    shown = io.StringIO()
    with Screen(session, Console(file=shown, force_terminal=True, width=120)):
        pass
    assert "model mine" in shown.getvalue()
    osc.send("/livegen/model", "solo")
    assert wait_until(lambda: session.model == "solo", 20.0)
    assert session.rig().model == "solo"
    address, (sentence,) = client(session).ask("/livegen/model", "heavy")
    assert (address, sentence) == (
        "/livegen/error",
        "there is no model 'heavy': there is default, gan, hash, mine, rest, solo, tonnetz, transformer, vae",
    )
    assert session.instrument.callback["stats"]["late_frames"][0] == 0
    session.stop()
    take = Take(find_take(None, tmp_path))
    assert take.head.model["name"] == "hash"
    loaded = [record for record in take.records() if isinstance(record, Loaded)]
    assert [(each.name, each.sha256) for each in loaded] == [
        ("mine", model_hash(model)),
        ("solo", model_hash(model_folder("solo"))),
    ]
    outcome = check(take, HashEngine(), load=lambda each: load_engine(Path(each.folder)))
    assert outcome.difference == ""
    assert outcome.n_frames > 30


def test_a_session_is_saved_and_opened_again(
    open_session: Callable[..., Session], client: Callable[[Session], OscClient]
) -> None:
    session = open_session(Rig(osc_peers=(("127.0.0.1", 9),)))
    osc = client(session)
    osc.send("/livegen/register", 19_123)
    for event in (
        SetControl("patch", "lead"),
        SetControl("temperature", 0.5),
        SetControl("p2.mute", True),
        SetControl("learn", "top_p"),
        ControlChange(3, 30, 1),
    ):
        session.receive(event, KEYS)
    asker = client(session)
    assert asker.ask("/livegen/save", "gig one") == ("/livegen/save", ["gig one"])
    rig = load_rig("gig one")
    assert rig.patch == "lead"
    assert rig.controls == {"temperature": 0.5, "p2.mute": True}
    assert rig.knobs is not None
    assert rig.knobs[-1] == Knob("top_p", 3, "cc", 30)
    assert set(rig.osc_peers or ()) == {("127.0.0.1", 9), ("127.0.0.1", 19_123)}
    again = open_session(rig)
    assert (again.instrument.values["temperature"], again.instrument.values["p2.mute"]) == (0.5, True)
    assert again.desk.knobs.knobs == rig.knobs
    assert again.desk.patch == "lead"
    again.receive(SetControl("unlearn", "top_p"), KEYS)
    assert wait_until(lambda: load_rig("gig one").knobs == rig.knobs[:-1])  # what is learned is kept at once
    again.receive(SetControl("save", "gig two"), KEYS)
    again.stop()
    assert load_rig("gig two").knobs == rig.knobs[:-1]
    assert load_rig("gig one").controls == rig.controls


def test_saving_writes_nowhere_else(
    open_session: Callable[..., Session], client: Callable[[Session], OscClient], tmp_path: Path
) -> None:
    session = open_session()
    osc = client(session)
    for name in ("../escape", "/tmp/escape", "a/b"):
        address, (sentence,) = osc.ask("/livegen/save", name)
        assert address == "/livegen/error"
        assert "cannot be a rig's name" in str(sentence)
    assert not rigs_folder().exists()
    assert osc.ask("/livegen/save") == ("/livegen/save", [""])
    assert [path.name for path in rigs_folder().iterdir()] == ["rig.toml"]


def test_a_rig_that_cannot_be_written_is_said_and_the_music_goes_on(
    open_session: Callable[..., Session], client: Callable[[Session], OscClient], tmp_path: Path
) -> None:
    path = tmp_path / "gig.toml"
    save_rig(path, Rig())
    session = open_session(load_rig(str(path)))
    path.write_text("patch = ")
    address, (sentence,) = client(session).ask("/livegen/save")
    assert address == "/livegen/error"
    assert "is not TOML" in str(sentence)
    assert path.read_text() == "patch = "


def test_the_screen_tells_the_news_and_what_is_typed(open_session: Callable[..., Session]) -> None:
    session = open_session()
    session.receive(SetControl("patch", "lead"), "test")  # from the terminal it would be said again once it is in force
    session.receive(SetControl("learn", "volume"), "terminal")
    assert session.terminal is not None
    for key in ":p2.vol":
        session.terminal.press(key, 0.0)
    shown = io.StringIO()
    with Screen(session, Console(file=shown, force_terminal=True, width=120)):
        pass
    assert "lead" in shown.getvalue()
    assert "move the knob that is to set volume" in shown.getvalue()
    assert ":p2.vol" in shown.getvalue()


def typed(session: Session, line: str) -> list[str]:
    """Type a line, and return what the screen shows below all else once all is done that it asked for."""
    assert session.terminal is not None
    for key in f":{line}\n":
        session.terminal.press(key, 0.0)
    horizon = session.instrument.state.horizon
    assert wait_until(lambda: session.instrument.state.horizon > horizon + 2)
    return [sentence for sentence in session.said if sentence]


def test_each_line_is_answered_by_one_sentence_and_an_older_one_is_gone(open_session: Callable[..., Session]) -> None:
    session = open_session()
    assert wait_until(lambda: session.instrument.state.horizon > 24)
    for line, answer in (
        ("patch leat", "there is no patch 'leat': did you mean lead?"),
        ("patch lead", "patch lead"),
        ("patch", "patch lead"),
        ("model", "model hash"),
        (
            "model nobody",
            "there is no model 'nobody': there is default, gan, hash, rest, solo, tonnetz, transformer, vae",
        ),
        ("p2.role player", "p2.role is now player"),
        ("undo", "took back the last change: p2.role is model"),
        ("recall verse", "'verse' cannot be recalled, it was never stored: those that were are none yet"),
        ("store verse", "stored as verse"),
        ("gan.recall loop", "nothing is stored as 'loop' by gan.store: there is nothing yet"),
        (
            "gan.store loop",
            "the controls of gan wait: no model of that kind plays; choose one, such as `:no.model gan`",
        ),
        ("gan.recall loop", "gan: recalled loop"),
        ("gan.reroll no", "gan: another part for no"),
        ("capture", "nothing is kept, because this jam is not recorded: begin one without --no-take"),
        ("unlearn temperature", "no knob sets 'temperature'"),
        ("stop", "the model is silent until start"),
    ):
        assert typed(session, line) == [answer]


@pytest.mark.device
def test_on_jack_a_knob_that_was_learned_moves_a_control_and_a_program_change_the_patch(
    jack: str, open_session: Callable[..., Session]
) -> None:
    jack_client = pytest.importorskip("jack")
    session = open_session(midi_api="jack")
    instrument, keyboard = session.instrument, Keyboard()
    patch_bay = jack_client.Client("patch bay", no_start_server=True)
    try:
        patch_bay.connect("keyboard:keys", "livegen:in")
        keyboard.send(0x90, 60, 100)
        assert wait_until(lambda: instrument.state.keyboard.held != ())
        session.receive(SetControl("learn", "temperature"), "terminal")
        for value in range(0, 128, 4):
            keyboard.send(0xB0, 74, value)
        assert wait_until(lambda: instrument.values["temperature"] == pytest.approx(2 * 124 / 127))
        keyboard.send(0xC0, session.desk.knobs.programs.index("lead"))
        assert wait_until(lambda: session.desk.patch == "lead")
        assert instrument.state.keyboard.held != ()
        keyboard.send(0x80, 60, 0)
        assert wait_until(lambda: instrument.state.keyboard.held == ())
        assert wait_until(lambda: instrument.callback["synth"]["voices"]["playing"]["note"][0, Voice.P1] != 60)
    finally:
        patch_bay.close()
        keyboard.unplug()
