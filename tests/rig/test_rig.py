"""Rig files: what they keep, how a mistake in one is told, and that saving loses nothing."""

import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import CONTROLS, SAME
from livegen.engines.cast import Cast
from livegen.errors import CheckpointError, RigError
from livegen.inputs.midi_settings import MidiInSettings
from livegen.inputs.midi_settings import parse_settings as parse_input
from livegen.outputs.midi_settings import MidiOutSettings, VoiceOut, parse_settings
from livegen.rig import (
    KNOB_KEYS,
    RIG_KEYS,
    Knob,
    Rig,
    list_rigs,
    load_library,
    load_rig,
    parse_rig,
    rig_path,
    save_knobs,
    save_rig,
)
from livegen.score import Voice
from livegen.system.resources import rigs_folder, shipped_models

GIG = """\
patch = "split"
patches = ["lead", "mine.toml"]
model = "default"
audio = "JACK"
audio_channels = "voices"
rate = 44100
block = 64
midi_api = "jack"
midi_in = "keystation"
osc_host = "0.0.0.0"
osc_port = 9000
osc_peers = ["192.168.1.5:9001", "[::1]:9002"]
seed = 7

[controls]
temperature = 0.8
p1.role = "player"

[controls.p2]
volume = 0.5

[[knob]]
control = "temperature"
channel = 1
cc = 74

[[knob]]
control = "panic"
channel = 10
note = 36
[[knob]]
control = "end"
channel = 10
note = 36
press = "long"

[[knob]]
control = "top_p"
channel = 16
cc = 1
mode = "pair"

[[midi_out]]
port = "volca"
clock = true
p1.channel = 5

[[midi_out]]
port = "moog"
offset_ms = -5

[midi_out.tr]
channel = 7
transpose = 12
"""

MOOG = "moog,offset_ms=-5,tr.channel=7,tr.transpose=12"


@pytest.fixture(autouse=True)
def _own_rigs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGEN_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def gig(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text('description = "mine"\n')
    path = tmp_path / "gig.toml"
    path.write_text(GIG)
    return path


def test_a_profile_beside_a_rig_is_found_from_everywhere(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text((files("livegen.profiles") / "generic.toml").read_text())
    rig = tmp_path / "gig.toml"
    rig.write_text('[[midi_in]]\nport = "pads"\nfeedback = "mine.toml"\n')
    (settings,) = load_rig(str(rig)).midi_ins or ()
    assert settings.feedback == str(tmp_path / "mine.toml")
    rig.write_text('[[midi_in]]\nport = "pads"\nfeedback = "yours.toml"\n')
    with pytest.raises(RigError, match=r"line 3: midi_in.feedback cannot be 'yours.toml'"):
        load_rig(str(rig))


def test_a_rig_says_everything_that_a_session_is_opened_with(gig: Path) -> None:
    mine = str(gig.parent / "mine.toml")
    assert load_rig(str(gig)) == Rig(
        patch="split",
        patches=("lead", mine),
        model="default",
        seed=7,
        audio="JACK",
        audio_channels="voices",
        rate=44100,
        block=64,
        midi_api="jack",
        midi_ins=(MidiInSettings("keystation"),),
        osc_host="0.0.0.0",
        osc_port=9000,
        osc_peers=(("192.168.1.5", 9001), ("::1", 9002)),
        controls={"temperature": 0.8, "p1.role": "player", "p2.volume": 0.5},
        knobs=(
            Knob("temperature", 0, "cc", 74),
            Knob("panic", 9, "note", 36),
            Knob("end", 9, "note", 36, press="long"),
            Knob("top_p", 15, "cc", 1, "pair"),
        ),
        midi_outs=(parse_settings("volca,clock=on,p1.channel=5"), parse_settings(MOOG)),
        path=gig,
    )


def test_every_key_of_the_table_is_a_field_and_the_other_way() -> None:
    fields = set(Rig.__dataclass_fields__) - {"controls", "knobs", "midi_ins", "midi_outs", "path"}
    assert {key.name for key in RIG_KEYS} == fields
    assert {key.name for key in KNOB_KEYS} == {"control", "channel", "cc", "note", "mode", "port", "press"}


def test_an_empty_rig_leaves_everything_open() -> None:
    assert parse_rig("", Path("x.toml")) == Rig(path=Path("x.toml"))
    assert parse_rig("knob = []", Path("x.toml")).knobs == ()


MISTAKES = {
    "a key that is none": (3, 'audoi = "JACK"', "audoi is no key: allowed are patch, patches"),
    "a rate too high": (3, "rate = 1000000", "rate cannot be 1000000: allowed is a whole number from 8000 to 192000"),
    "a text for a number": (3, 'block = "64"', "block cannot be '64': allowed is a whole number from 16 to 8192"),
    "a patch that is none": (3, 'patch = "heavy"', "patch 'heavy' does not exist"),
    "a list with a patch that is none": (3, 'patches = ["lead", "heavy"]', "patch 'heavy' does not exist"),
    "a peer without a port": (3, 'osc_peers = ["localhost"]', 'such as "127.0.0.1:9000"'),
    "a control that is none": (5, "[controls]\n\ntempreature = 1", "controls.tempreature is no control"),
    "a control out of range": (4, "[controls]\ntemperature = 3", "controls.temperature cannot be 3"),
    "an action": (4, "[controls]\npanic = true", "controls.panic is a command"),
    "a knob of nothing": (5, '[[knob]]\nchannel = 1\ncontrol = "x"\ncc = 3', "knob.control cannot be 'x'"),
    "a knob without a channel": (3, '[[knob]]\ncontrol = "top_p"\ncc = 3', "knob has no channel"),
    "a channel from 0": (4, '[[knob]]\nchannel = 0\ncontrol = "top_p"\ncc = 3', "knob.channel cannot be 0"),
    "a knob and a pad": (3, '[[knob]]\nchannel = 1\ncontrol = "top_p"\ncc = 3\nnote = 4', "either cc or note"),
    "a pair too high": (6, '[[knob]]\nchannel=1\ncontrol="top_p"\ncc = 40\nmode="pair"', "knob.cc cannot be 40"),
    "an output too late": (5, '[[midi_out]]\nport = "x"\noffset_ms = 900', "midi_out.offset_ms cannot be '900'"),
    "a channel of an output": (5, "[[midi_out]]\n[midi_out.p1]\nchannel = 17", "midi_out.p1.channel cannot be '17'"),
    "an output's key that is none": (4, '[[midi_out]]\nprot = "x"', "midi_out.prot is unknown for a MIDI output"),
    "a drum that is none": (3, "[[midi_out]]\ndrums.17 = 36", "a key of drums cannot be"),
    "knobs that are none": (3, "knob = 3", "write [[knob]] over each"),
    "an input's key that is none": (4, '[[midi_in]]\nvocie = "tr"', "midi_in.vocie is unknown for a MIDI input"),
    "a voice that is none": (
        5,
        '[[midi_in]]\nport = "x"\nvoice = "bass"',
        "midi_in.voice cannot be 'bass': allowed is p1",
    ),
    "a transposition": (
        4,
        "[[midi_in]]\ntranspose = 60",
        "midi_in.transpose cannot be '60': allowed is a number from -48",
    ),
    "lights of no port": (4, "[[midi_in]]\nfeedback = true", "midi_in.feedback needs a port, such as port = launchpad"),
    "a profile that is none": (5, '[[midi_in]]\nport = "x"\nfeedback = "y"', "midi_in.feedback cannot be 'y'"),
    "two inputs of all": (4, "[[midi_in]]\n[[midi_in]]\nchannel = 2", "cannot both take every keyboard"),
    "a number of 4,817 digits": (4, f"[[midi_in]]\ntranspose = 0x{'f' * 4000}", "too long to print"),
    "a port that is one": (4, f"[[midi_out]]\nport = 0x{'f' * 4000}", "too long to print"),
    "an input that is a number": (3, "midi_in = 3", "write [[midi_in]] over each"),
    "a list of inputs": (3, 'midi_in = ["a", "b"]', "write [[midi_in]] over each"),
    "a knob twice on a port": (
        11,
        '[[knob]]\ncontrol="top_p"\nchannel=1\ncc=3\nport="A"\n[[knob]]\ncontrol="bpm"\nchannel=1\ncc=3\nport="a"',
        "CC 3 on channel 1 of a sets top_p already",
    ),
    "no TOML": (None, "patch = ", "is not TOML"),
}


@pytest.mark.parametrize(("line", "text", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_names_file_line_and_key(tmp_path: Path, line: int | None, text: str, says: str) -> None:
    path = tmp_path / "gig.toml"
    path.write_text(f"# one\n# two\n{text}\n")
    with pytest.raises(RigError) as raised:
        load_rig(str(path))
    assert says in str(raised.value)
    assert str(raised.value).startswith(str(path) + (f", line {line}" if line else ""))


def test_of_several_knobs_the_line_is_that_of_the_wrong_one(tmp_path: Path) -> None:
    path = tmp_path / "gig.toml"
    path.write_text(GIG.replace("channel = 16", "channel = 17").replace('patches = ["lead", "mine.toml"]\n', ""))
    line = path.read_text().split("\n").index("channel = 17") + 1
    with pytest.raises(RigError, match=f"line {line}: knob.channel cannot be 17"):
        load_rig(str(path))


def test_a_knob_sets_one_control(gig: Path) -> None:
    gig.write_text(GIG.replace("channel = 10\nnote = 36", "channel = 1\ncc = 74"))
    with pytest.raises(RigError, match=r"line 30: knob.cc: CC 74 on channel 1 sets temperature already"):
        load_rig(str(gig))


def test_a_control_has_one_knob(gig: Path) -> None:
    gig.write_text(GIG.replace('control = "panic"', 'control = "temperature"'))
    with pytest.raises(RigError, match=r"line 28: knob.control cannot be 'temperature'.*CC 74 on channel 1"):
        load_rig(str(gig))


def test_a_rig_is_found_by_its_name_or_its_file(gig: Path) -> None:
    save_rig(rig_path("gig 2"), Rig(seed=3))
    assert list_rigs() == ["gig 2"]
    assert load_rig("gig 2").seed == 3
    with pytest.raises(RigError, match=r"there is no rig 'nothing': give a .toml file, or one of gig 2"):
        load_rig("nothing")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", "a\\b", "", ".", "..", "a.toml", "x\n", "-rf"])
def test_a_name_leads_nowhere_else(name: str) -> None:
    with pytest.raises(RigError, match="cannot be a rig's name"):
        rig_path(name)
    assert rig_path("Gig_1-b c").parent == rigs_folder()


TWO = """\
[[midi_in]]
port = "keystation" # the big one
voice = "p1"

[[midi_in]]
port = "minilab"
voice = "tr"
channel = 2
transpose = -12
feedback = "on"

[[knob]]
control = "temperature"
channel = 1
cc = 74
port = "minilab"
"""


def test_a_rig_names_several_inputs_and_the_knobs_of_each(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text(TWO)
    rig = load_rig(str(path))
    minilab = parse_input("minilab,voice=tr,channel=2,transpose=-12,feedback=on")
    assert rig.midi_ins == (parse_input("keystation,voice=p1"), minilab)
    assert rig.knobs == (Knob("temperature", 0, "cc", 74, port="minilab"),)
    save_rig(path, rig)
    assert path.read_text() == TWO
    save_rig(path, replace(rig, midi_ins=(parse_input("moog"),)))
    assert 'midi_in = "moog"\n' in path.read_text()
    assert load_rig(str(path)).midi_ins == (parse_input("moog"),)
    save_rig(path, rig)
    assert load_rig(str(path)) == rig


def test_a_rig_gives_voices_models_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    path = tmp_path / "band.toml"
    path.write_text('model = "default"\nmodels = ["no=mine", "P1 = solo"]\n')
    rig, mine = load_rig(str(path)), str((tmp_path / "mine").absolute())
    assert rig.models == {Voice.NO: mine, Voice.P1: "solo"}
    assert rig.cast == Cast("default", ("solo", SAME, SAME, mine))
    save_rig(path, replace(rig, model=None, models={Voice.TR: "solo"}))
    assert path.read_text() == 'models = ["tr=solo"]\n'
    assert load_rig(str(path)).cast == Cast("default", (SAME, SAME, "solo", SAME))
    path.write_text('models = ["solo"]\n')
    with pytest.raises(RigError, match="line 1: models cannot be 'solo': allowed is a voice and its model, such as"):
        load_rig(str(path))


def test_saving_again_changes_nothing_and_keeps_what_it_does_not_know(gig: Path) -> None:
    rig = load_rig(str(gig))
    gig.write_text("# my rig\n" + GIG + '\n[[lamp]]\nport = "volca" # the small one\n')
    save_rig(gig, rig)
    text = gig.read_text()
    assert text.startswith("# my rig\n")
    assert text.endswith('[[midi_out]]\nport = "volca" # the small one\n') or '"volca" # the small one' in text
    save_rig(gig, rig)
    assert gig.read_text() == text
    assert [path.name for path in gig.parent.glob(".*")] == []


def test_a_new_patch_and_knobs_replace_the_old(gig: Path) -> None:
    rig = load_rig(str(gig))
    changed = replace(rig, patch="lead", knobs=(Knob("memory", 3, "cc", 11),), controls={"p1.mute": True}, block=None)
    save_rig(gig, changed)
    assert load_rig(str(gig)) == changed
    save_rig(gig, replace(changed, knobs=(), controls={}))
    assert load_rig(str(gig)) == replace(changed, knobs=(), controls={})


def test_learned_knobs_alone_are_kept_beside_whatever_was_edited(gig: Path) -> None:
    gig.write_text(GIG.replace("temperature = 0.8", "temperature = 0.7 # calmer"))
    knobs = (Knob("memory", 3, "cc", 11),)
    save_knobs(gig, knobs)
    assert "temperature = 0.7 # calmer" in gig.read_text()
    assert load_rig(str(gig)).knobs == knobs


def test_a_file_that_is_being_edited_is_left_alone(gig: Path) -> None:
    gig.write_text("patch = \n")
    with pytest.raises(RigError, match="is not TOML, and is left as it is"):
        save_rig(gig, Rig())
    assert gig.read_text() == "patch = \n"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RigError, match="cannot be written"):
        save_rig(tmp_path / "file" / "gig.toml", Rig())


_TEXTS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)
_OUTS = st.builds(
    MidiOutSettings,
    port=st.none() | _TEXTS,
    voices=st.tuples(
        *(st.builds(VoiceOut, st.none() | st.integers(0, 15), st.integers(-48, 48), st.just("hard")) for _ in range(4))
    ),
    clock=st.booleans(),
    offset_ms=st.floats(-50, 500),
)
_INS = st.builds(
    MidiInSettings,
    port=_TEXTS,
    voice=st.none() | st.sampled_from(Voice),
    channel=st.none() | st.integers(0, 15),
    transpose=st.integers(-48, 48),
    feedback=st.sampled_from(["off", "on", "launchpad-x"]),
)
_KNOBS = st.lists(
    st.builds(
        Knob,
        st.sampled_from(sorted(CONTROLS)),
        st.integers(0, 15),
        st.just("cc"),
        st.integers(0, 31),
        st.sampled_from(["absolute", "pair", "twos_complement", "offset_64"]),
        st.none() | _TEXTS,
    ),
    unique_by=(lambda knob: knob.control, lambda knob: (knob.channel, knob.number)),
    max_size=5,
)


@given(
    st.builds(
        Rig,
        patch=st.none() | st.sampled_from(["lead", "plain"]),
        patches=st.none() | st.lists(st.sampled_from(["lead", "plain"])).map(tuple),
        audio=st.none() | _TEXTS,
        midi_ins=st.none() | st.lists(_INS, min_size=1, max_size=3).map(tuple),
        midi_outs=st.none() | st.lists(_OUTS, min_size=1, max_size=3).map(tuple),
        rate=st.none() | st.integers(8000, 192000),
        osc_port=st.none() | st.integers(0, 65535),
        link=st.none() | st.booleans(),
        web=st.none() | st.booleans(),
        web_host=st.none() | _TEXTS,
        web_port=st.none() | st.integers(0, 65535),
        osc_peers=st.none()
        | st.lists(st.tuples(st.sampled_from(["::1", "a.local"]), st.integers(1, 65535))).map(tuple),
        seed=st.none() | st.integers(0, 2**63 - 1),
        controls=st.fixed_dictionaries({}, optional={"temperature": st.floats(0, 2), "p2.mute": st.booleans()}),
        knobs=st.none() | _KNOBS.map(tuple),
    ),
    st.sampled_from(["", GIG.replace('"mine.toml"', '"plain"'), "[controls]\n[controls.p1]\nmute = true\n"]),
)
def test_whatever_is_saved_is_read_again(tmp_path_factory: pytest.TempPathFactory, rig: Rig, before: str) -> None:
    path = tmp_path_factory.mktemp("rig") / "gig.toml"
    if before:
        path.write_text(before)
    save_rig(path, rig)
    tomllib.loads(path.read_text())
    assert load_rig(str(path)) == replace(rig, path=path)


def test_the_library_holds_shipped_patches_and_those_of_the_rig(gig: Path) -> None:
    library = load_library(load_rig(str(gig)))
    assert library.programs == ("lead", "mine")
    assert library.patches["mine"].description == "mine"
    assert library.texts == {"mine": str(gig.parent / "mine.toml")}
    assert "boss_fight" in library.patches
    assert load_library(Rig()).programs[:2] == ("arcade", "arpeggio")


def test_the_library_knows_shipped_models_and_those_that_are_named(tmp_path: Path) -> None:
    for name in ("mine", "yours"):
        (tmp_path / name).mkdir()
    mine, yours = str(tmp_path / "mine"), str(tmp_path / "yours")
    shipped = {name: name for name in shipped_models()}
    assert {"default", "solo"} <= set(shipped)
    assert load_library(Rig(model=mine), (yours, "solo")).models == shipped | {"mine": mine, "yours": yours}
    with pytest.raises(CheckpointError, match="there is no model 'nobody'"):
        load_library(Rig(model="nobody"))
