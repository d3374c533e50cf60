"""What a patch can say, and how each mistake is told."""

import os
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen.controls import CONTROLS, DEFAULTS
from livegen.errors import PatchError
from livegen.patch import (
    DRUM_KEYS,
    PATCH_KEYS,
    VOICE_KEYS,
    Drum,
    Key,
    Macro,
    Patch,
    VoicePatch,
    default_voice,
    list_patches,
    load_patch,
    parse_patch,
)
from livegen.patch.keys import (
    DRUMS_MAX,
    MACRO_LENGTH_MAX,
    MACRO_SUFFIXES,
    MIDI_KEY_MAX,
    VOICE_SECTIONS,
    has_key,
)
from livegen.score import DRUM_NOTES, NOTE_RANGE, Voice
from livegen.system.resources import patches_folder
from livegen.toml.text import FILE_BYTES_MAX


def parse(text: str) -> Patch:
    return parse_patch(text, "rig.toml", "rig")


@pytest.mark.parametrize("name", list_patches())
def test_every_shipped_patch_loads_and_opens_with_a_comment(name: str) -> None:
    patch = load_patch(name)
    path = patches_folder() / f"{name}.toml"
    assert load_patch(path) == load_patch(str(path)) == patch
    assert patch.description
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_the_plain_patch() -> None:
    patch = load_patch("plain")
    assert patch.name == "plain"
    assert {**DEFAULTS, **patch.controls} == dict(DEFAULTS)
    lead = patch.voices[Voice.P1]
    assert lead.timbre == Macro((2,))  # 50 %
    assert lead.volume.release is not None
    assert lead.volume.values[lead.volume.release] > 0  # sustains
    assert lead.volume.values[-1] == 0


def test_an_empty_patch_has_the_defaults_of_the_table() -> None:
    patch = parse("")
    assert (patch.name, patch.description, dict(patch.controls), dict(patch.drums)) == ("rig", "", {}, {})
    assert patch.drum_notes == DRUM_NOTES
    for voice, sound in zip(Voice, patch.voices, strict=True):
        assert sound == default_voice(voice)
        for key in VOICE_KEYS:
            value = getattr(sound, key.name)
            assert value == (Macro((key.default,)) if key.kind == "macro" else key.default)  # type: ignore[arg-type]
            assert type(value) is (
                Macro if key.kind == "macro" else float if key.kind == "number" else type(key.default)
            )


def test_everything_that_a_patch_can_say() -> None:
    patch = parse("""
        name = "lead"
        description = "one lead"
        [controls]
        temperature = 1
        lookahead = 24
        p1.role = "player"
        "p2.role" = "off"
        tr = { mute = true, volume = 0.25 }
        [controls.no]
        mute = false
        [p1]
        volume = [15, 8, 4, 0]
        volume_loop = 0
        volume_release = 1
        timbre = [0, 1, 2, 3]
        timbre_loop = 3
        velocity = false
        arpeggio_mode = "fixed"
        arpeggio = [60, 67]
        vibrato_depth = 30
        [no]
        volume = 7
        timbre = 1
        [drums.36]
        volume = [15, 0]
        note = 3
        kick = [60, 50]
        [drums.99]
    """)
    assert (patch.name, patch.description) == ("lead", "one lead")
    assert dict(patch.controls) == {
        "temperature": 1.0,
        "lookahead": 24,
        "p1.role": "player",
        "p2.role": "off",
        "tr.mute": True,
        "tr.volume": 0.25,
        "no.mute": False,
    }
    assert type(patch.controls["temperature"]) is float
    assert patch.voices[0] == replace(
        default_voice(Voice.P1),
        volume=Macro((15, 8, 4, 0), 0, 1),
        timbre=Macro((0, 1, 2, 3), 3),
        velocity=False,
        arpeggio_mode="fixed",
        arpeggio=Macro((60, 67)),
        vibrato_depth=30.0,
    )
    assert patch.voices[3] == replace(default_voice(Voice.NO), volume=Macro((7,)), timbre=Macro((1,)))
    assert patch.voices[1:3] == (default_voice(Voice.P2), default_voice(Voice.TR))
    plain = parse("[drums.99]").drums[99]
    assert plain == replace(
        plain, note=99 % 16 + 1, volume=Macro((15,)), timbre=Macro((0,)), arpeggio=Macro((0,)), kick=None
    )
    assert dict(patch.drums) == {
        36: replace(plain, note=3, volume=Macro((15, 0)), kick=Macro((60, 50))),
        99: plain,
    }
    assert dict(patch.drum_notes) == DRUM_NOTES | {36: 3, 99: 4}


@pytest.mark.parametrize("name", sorted(set(DEFAULTS)))
def test_every_control_that_has_a_value_can_stand_in_a_patch(name: str) -> None:
    value = DEFAULTS[name]
    written = str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')
    assert dict(parse(f"controls.{name} = {written}").controls) == {name: value}


def test_the_table_describes_every_field() -> None:
    assert [key.name for key in VOICE_KEYS] == [field.name for field in fields(VoicePatch)]
    assert [key.name for key in DRUM_KEYS] == [field.name for field in fields(Drum)]
    for key in (*PATCH_KEYS, *VOICE_KEYS, *DRUM_KEYS):
        assert key.description
        assert (key.kind == "choice") == bool(key.choices)
        assert (key.kind == "text") == (not key.ranges)
        assert key.default is None or key.kind == "text" or _fits_its_own_table(key)


def _fits_its_own_table(key: Key) -> bool:
    if key.kind in ("bool", "choice"):
        return key.default in (True, False, *key.choices)
    return all(low <= key.default <= high for low, high in key.ranges.values())  # type: ignore[operator]


NUMBERS = [(voice, key) for key in VOICE_KEYS for voice in key.ranges if key.kind in ("int", "number", "macro")]


@pytest.mark.parametrize(("voice", "key"), NUMBERS, ids=[f"{voice.name}.{key.name}" for voice, key in NUMBERS])
def test_the_ends_of_a_range_pass_and_what_is_beyond_does_not(voice: Voice, key: Key) -> None:
    name = f"{voice.name.lower()}.{key.name}"
    for end, beyond in zip(key.ranges[voice], (-1, 1), strict=True):
        written = [end] * MACRO_LENGTH_MAX if key.kind == "macro" else end
        value = getattr(parse(f"{name} = {written}").voices[voice], key.name)
        assert value == (Macro(tuple(written)) if isinstance(written, list) else end)
        outside = [
            f"{end + beyond}",
            "nan",
            "inf",
            "-inf",
            f"{beyond}{'0' * 400}",
            f"{beyond}e300",
            "true",
            "'1'",
            "{}",
        ]
        outside += [f"[{end + beyond}]", f"{[end] * 65}", "[]", "[[0]]"] if key.kind == "macro" else [f"[{end}]"]
        outside += [] if key.kind == "number" else [f"{end}.0"]
        for wrong in outside:
            with pytest.raises(PatchError, match=rf"^rig.toml, line 1: {name} cannot be .*: allowed is ") as caught:
                parse(f"{name} = {wrong}")
            assert len(str(caught.value)) < 300


@pytest.mark.parametrize("key", [key for key in VOICE_KEYS if set(key.ranges) != set(Voice)], ids=lambda key: key.name)
def test_a_voice_has_no_key_that_means_nothing_to_it(key: Key) -> None:
    for voice in Voice:
        if not has_key(key, voice):
            with pytest.raises(PatchError, match=rf"line 2: {voice.name.lower()}.{key.name} is no key: allowed are"):
                parse(f"[{voice.name.lower()}]\n{key.name} = 0")


@pytest.mark.parametrize("key", [key for key in VOICE_KEYS if key.kind == "choice"], ids=lambda key: key.name)
def test_every_choice_passes(key: Key) -> None:
    for choice in key.choices:
        assert getattr(parse(f"p1.{key.name} = '{choice}'\np1.arpeggio = 60").voices[0], key.name) == choice


@pytest.mark.parametrize("voice", Voice)
def test_a_fixed_arpeggio_holds_notes_of_its_voice(voice: Voice) -> None:
    name, (lowest, highest) = voice.name.lower(), NOTE_RANGE[voice]
    text = f'[{name}]\narpeggio_mode = "fixed"\narpeggio = '
    assert parse(f"{text}[{lowest}, {highest}]").voices[voice].arpeggio == Macro((lowest, highest))
    with pytest.raises(PatchError, match=f"line 3: {name}.arpeggio cannot be {lowest - 1}: .* {lowest} to {highest}"):
        parse(f"{text}[{lowest}, {lowest - 1}]")


def test_as_many_drums_as_there_is_room_for() -> None:
    text = "\n".join(f"[drums.{key}]" for key in range(DRUMS_MAX))
    assert len(parse(text).drums) == DRUMS_MAX
    with pytest.raises(PatchError, match=rf"line 1: drums has {DRUMS_MAX + 1} keys: allowed are up to {DRUMS_MAX}"):
        parse(f"{text}\n[drums.{MIDI_KEY_MAX}]")


MISTAKES = [
    # what is written, where the error says it is, and what it says of it
    ("nam = 'x'", "line 1: nam", "is no key: allowed are name, description, controls, p1, p2, tr, no, drums"),
    ("\n\n[p3]\nvolume = 3", "line 3: p3", "is no key"),
    ("[p1]\n\nvolume_lop = 3", "line 3: p1.volume_lop", "allowed are volume, volume_loop, volume_release, timbre"),
    ("[p1]\n'volume_lop' = 3", "line 2: p1.volume_lop", "is no key"),
    ("p1 = { volume_lop = 3 }", "line 1: p1.volume_lop", "is no key"),
    ("[p2]\nvolume = 3\n[p1]\nvolume = 16", "line 4: p1.volume", "cannot be 16: allowed is whole numbers from 0 to 15"),
    ("[p1]\nvolume = [\n 1,\n -1]", "line 2: p1.volume", "cannot be -1: allowed is whole numbers from 0 to 15"),
    ("[p1]\nvolume = 3.0", "line 2: p1.volume", "cannot be 3.0"),
    ("[p1]\nvolume = true", "line 2: p1.volume", "cannot be true"),
    ("[p1]\nvolume = nan", "line 2: p1.volume", "cannot be nan"),
    ("[p1]\nvolume = 'loud'", "line 2: p1.volume", "cannot be 'loud'"),
    ("[p1]\nvolume = [[1]]", "line 2: p1.volume", r"cannot be \[1\]"),
    ("[p1]\nvolume = {}", "line 2: p1.volume", "cannot be a section"),
    (f"[p1]\nvolume = 0x{'f' * 5000}", "line 2: p1.volume", "cannot be a value that is too long to print"),
    ("[tr]\ntimbre = 1", "line 2: tr.timbre", "is no key: allowed are volume, volume_loop, volume_release, arpeggio,"),
    ("[tr]\ntimbre_loop = 0", "line 2: tr.timbre_loop", "is no key"),
    ("[no]\npitch = 1", "line 2: no.pitch", "is no key"),
    ("[p1]\necho = 1", "line 2: p1.echo", "is no key"),
    ("[p1]\nmodel_sound = 'loud'", "line 2: p1.model_sound", 'cannot be \'loud\': allowed is "score" or "patch"'),
    ("[p1]\naftertouch = ['off']", "line 2: p1.aftertouch", r"cannot be \['off'\]: allowed is \"vibrato\" or"),
    ("[p1]\naftertouch = false", "line 2: p1.aftertouch", "cannot be false"),
    ("[p1]\nenvelope = 16", "line 2: p1.envelope", "cannot be 16: allowed is a whole number from -1 to 15"),
    ("[p1]\nportamento = -0.5", "line 2: p1.portamento", "cannot be -0.5: allowed is a number from 0 to 2400"),
    ("[p1]\narpeggio_mode = 'fixed'\narpeggio = [60, 109]", "line 3: p1.arpeggio", "cannot be 109"),
    ("[no]\narpeggio = 17", "line 2: no.arpeggio", "from -15 to 16"),
    ("drums = 3", "line 1: drums", "allowed is a section"),
    ("[drums]\n36 = 3", "line 2: drums.36", r"allowed is a section: write \[drums.36\]"),
    ("[drums.128]", "line 1: drums.128", "is no drum: allowed is a MIDI key, drums.0 to drums.127"),
    ("[drums.200]\nnote = 3", "line 1: drums.200", "is no drum"),
    ("[drums.x]", "line 1: drums.x", "is no drum"),
    ("[drums.036]", "line 1: drums.036", "is no drum"),
    ("[drums.-1]", "line 1: drums.-1", "is no drum"),
    ("[drums.'٣']", "line 1: drums.٣", "is no drum"),
    ("[drums.36]\n\nnote = 0", "line 3: drums.36.note", "cannot be 0: allowed is a whole number from 1 to 16"),
    ("[drums.36]\nkick = [60, 20]", "line 2: drums.36.kick", "cannot be 20: allowed is whole numbers from 21 to 108"),
    ("[drums.36]\nkick = 60\nkick_loop = 0", "line 3: drums.36.kick_loop", "is no key: allowed are note, volume,"),
    ("[drums.36]\npitch = 3", "line 2: drums.36.pitch", "is no key"),
    ("[drums.36]\nvolume = [3]\nvolume_loop = 1", "line 3: drums.36.volume_loop", "0 to 0"),
    ("[p1]\nvolume = [3, 2]\nvolume_loop = 2", "line 3: p1.volume_loop", "the index of a value of the macro, 0 to 1"),
    ("[p1]\nvolume = [3, 2]\nvolume_loop = -1", "line 3: p1.volume_loop", "0 to 1"),
    ("[p1]\nvolume_release = 1", "line 2: p1.volume_release", "0 to 0"),
    ("[p1]\nvolume_release = false", "line 2: p1.volume_release", "cannot be false"),
    ("[p1]\ntimbre = [3, 2]\ntimbre_loop = 1\ntimbre_release = 0", "line 3: p1.timbre_loop", "up to timbre_release"),
    ("[p1]\nvelocity = 1", "line 2: p1.velocity", "cannot be 1: allowed is true or false"),
    ("p1 = 3", "line 1: p1", r"cannot be 3: allowed is a section: write \[p1\]"),
    ("[[p1]]\nvolume = 3", "line 1: p1", "allowed is a section"),
    ("controls = []", "line 1: controls", "allowed is a section"),
    ("name = 3", "line 1: name", "cannot be 3: allowed is one line of text"),
    ('name = "a\\nb"', "line 1: name", "one line of text"),
    ('name = "a\\u001b[2J"', "line 1: name", "one line of text"),
    (f"description = '{'x' * 201}'", "line 1: description", "up to 200 characters"),
    ("[controls]\ntempo = 3", "line 2: controls.tempo", "is no control: `livegen controls` lists them"),
    ("[controls]\np1.tempo = 3", "line 2: controls.p1.tempo", "is no control"),
    ("[controls.p1]\nrole.x = 3", "line 2: controls.p1.role", 'cannot be a section: allowed is "player"'),
    ("[controls]\np1 = 3", "line 2: controls.p1", "is no control"),
    ("[controls]\npanic = true", "line 2: controls.panic", "is a command and holds no value"),
    ("[controls]\np1.role = 'drummer'", "line 2: controls.p1.role", 'allowed is "player" or "model" or "off"'),
    ("[controls]\np1.mute = 1", "line 2: controls.p1.mute", "cannot be 1: allowed is true or false"),
    ("[controls]\ntemperature = 2.5", "line 2: controls.temperature", "cannot be 2.5: allowed is a number from 0 to 2"),
    ("[controls]\ntemperature = nan", "line 2: controls.temperature", "cannot be nan: allowed is a number"),
    ("[controls]\ntemperature = inf", "line 2: controls.temperature", "cannot be inf"),
    ("[controls]\ntemperature = 1e999", "line 2: controls.temperature", "cannot be inf"),
    (f"[controls]\ntemperature = 0x{'f' * 5000}", "line 2: controls.temperature", "too long to print"),
    ("[controls]\ntemperature = '1'", "line 2: controls.temperature", "cannot be '1'"),
    ("[controls]\ntemperature = true", "line 2: controls.temperature", "cannot be true"),
    ("[controls]\ntemperature = 1979-05-27", "line 2: controls.temperature", "allowed is a number"),
    ("[controls]\nlookahead = 3.5", "line 2: controls.lookahead", "cannot be 3.5: allowed is a whole number from 2 to"),
    ("[controls]\n'p1.mute' = true\np1.mute = true", "line 3: controls.p1.mute", "is there twice: leave one out"),
    ("[controls.p1]\nkey_low = 61\nkey_high = 60", "line 2: controls.p1.key_low", "up to p1.key_high, which is 60"),
]


@pytest.mark.parametrize(("text", "place", "words"), MISTAKES, ids=[place for _, place, _ in MISTAKES])
def test_a_mistake_is_told_with_line_key_and_what_is_allowed(text: str, place: str, words: str) -> None:
    with pytest.raises(PatchError, match=rf"^rig\.toml, {place} .*{words}") as caught:
        parse(text)
    assert len(str(caught.value)) < 600  # the keys of a pulse fill 500
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[p1",
        "volume 3",
        "a = 1\na = 2",
        "x = '''never ends",
        f"x = {'9' * 5000}",
        f"x = {'[' * 100_000}",
        "x = 2024-99-99",
        "\0",
    ],
    ids=lambda text: text[:12],
)
def test_what_is_not_toml_is_refused(text: str) -> None:
    """And the line is told, which TOML's reader does not say of the end, of depth and of long numbers."""
    for before in ("", "# a line\n\n"):
        with pytest.raises(PatchError, match=rf"^rig\.toml is not TOML: .*line {(before + text).count(chr(10)) + 1}\b"):
            parse(before + text)


def test_the_line_of_a_syntax_error_is_told() -> None:
    with pytest.raises(PatchError, match=r"\(at line 3, column 8\)"):
        parse("name = 'x'\n[p1]\nvolume 3")


@pytest.mark.parametrize("key", ["a", "'\u2028'", "p1"])
def test_a_key_of_absurd_depth_is_refused_at_once(key: str) -> None:
    with pytest.raises(PatchError, match=r"^rig\.toml, line 2, has over 250 dots"):
        parse("\n" + ".".join([key] * 100_000) + " = 1")


def test_a_mistake_is_found_in_a_megabyte_of_blanks() -> None:
    with pytest.raises(PatchError, match="line 2: tempo is no key"):
        parse(" " * 1_000_000 + "\ntempo = 1")


def test_dots_in_a_comment_do_no_harm() -> None:
    assert parse("# " + "." * 300) == parse("")


scalars = st.one_of(
    st.integers(),
    st.floats().map(lambda value: value if value == value else float("inf")),
    st.booleans(),
    st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'), max_size=8),
)
names = st.sampled_from(
    [
        *("name", "description", "mood"),
        *(f"controls.{name}" for name in CONTROLS),
        *(f"{voice}.{key.name}" for key in VOICE_KEYS for voice in VOICE_SECTIONS),
        *(f"drums.{drum}.{key.name}" for key in DRUM_KEYS for drum in (36, "x", 200)),
        *(f"no.volume_{suffix}" for suffix in MACRO_SUFFIXES),
    ]
)


def to_toml(value: object) -> str:
    return (
        str(value).lower() if isinstance(value, bool) else repr(value) if not isinstance(value, str) else f'"{value}"'
    )


@given(st.dictionaries(names, scalars | st.lists(scalars, max_size=4), max_size=6))
def test_any_keys_and_values_make_a_patch_or_one_sentence(settings_: dict[str, object]) -> None:
    text = "\n".join(
        f"{name} = [{', '.join(map(to_toml, value))}]" if isinstance(value, list) else f"{name} = {to_toml(value)}"
        for name, value in settings_.items()
    )
    try:
        patch = parse(text)
    except PatchError as error:
        assert str(error).startswith("rig.toml")
    else:
        assert set(patch.controls) <= set(CONTROLS)
        for voice, sound in zip(Voice, patch.voices, strict=True):
            for key in (key for key in VOICE_KEYS if key.kind == "macro" and has_key(key, voice)):
                macro, (lowest, highest) = getattr(sound, key.name), key.ranges[voice]
                assert all(lowest <= value <= highest for value in macro.values)
                assert all(index is None or index < len(macro.values) for index in (macro.loop, macro.release))


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, at: int, byte: int) -> None:
    content = bytearray((patches_folder() / "plain.toml").read_bytes())
    content[at % len(content)] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.toml"
    path.write_bytes(content)
    try:
        load_patch(path)
    except PatchError as error:
        assert "damaged.toml" in str(error)


def test_an_unknown_patch_names_the_shipped_ones(tmp_path: Path) -> None:
    for missing in ("nope", tmp_path / "nope.toml", "", "\0", "x" * 5000):
        with pytest.raises(PatchError, match=r"^patch .*give a \.toml file, or one of .*plain"):
            load_patch(missing)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PatchError, match="is no file"):
        load_patch(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(PatchError, match="is no file"):
        load_patch(tmp_path / "pipe.toml")


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes("# fine\nname = 'très'\n".encode("latin-1"))
    with pytest.raises(PatchError, match=r"latin\.toml, line 2, is not UTF-8"):
        load_patch(path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes("\ufeffname = 'x'\r\n[p1]\r\nvolume = 3\r\n".encode())
    assert load_patch(path).voices[0].volume == Macro((3,))


def test_a_file_of_more_than_a_mebibyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.toml"
    path.write_bytes(b"#" * FILE_BYTES_MAX)
    assert load_patch(path).name == "huge"
    path.write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(PatchError, match=r"huge\.toml is over 1 MiB"):
        load_patch(path)
