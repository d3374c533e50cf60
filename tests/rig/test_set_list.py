"""Set-lists: what a file says of its songs, and what is said of a file that cannot be one."""

from pathlib import Path

import pytest

from livegen.errors import RigError
from livegen.rig import Rig, load_library, load_set_list, rig_path, save_rig

EVENING = """
name = "Friday"
rig = "club"

[[song]]
name = "Opening"
rig = "opening.toml"
tempo = 120
key = "Bb minor"
cue = "start 4"

[[song]]
name = "Second"
cue = "SOLO p2"

[[song]]
name = "Third"
key = "c"
cue = "drop"
"""


@pytest.fixture(autouse=True)
def _own_rigs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGEN_CONFIG_DIR", str(tmp_path / "config"))
    save_rig(rig_path("club"), Rig(seed=1))


@pytest.fixture
def evening(tmp_path: Path) -> Path:
    """A set-list, with a rig beside it."""
    save_rig(tmp_path / "opening.toml", Rig(seed=2))
    path = tmp_path / "friday.toml"
    path.write_text(EVENING)
    return path


def test_each_song_has_its_rig_its_tempo_its_key_and_its_cue(evening: Path) -> None:
    set_list = load_set_list(evening)
    assert set_list.name == "Friday"
    assert [(song.name, song.rig.seed, dict(song.controls), song.cue) for song in set_list.songs] == [
        ("Opening", 2, {"bpm": 120.0, "key": "a#", "scale": "minor"}, ("start", 4)),
        ("Second", 1, {}, ("solo", "p2")),
        ("Third", 1, {"key": "c", "scale": "major"}, ("drop", True)),
    ]


def test_a_rig_of_the_user_s_comes_before_a_file_beside_the_set_list_but_not_before_one_with_its_ending(
    evening: Path,
) -> None:
    save_rig(evening.parent / "club.toml", Rig(seed=3))
    assert load_set_list(evening).songs[1].rig.seed == 1
    evening.write_text(EVENING.replace('rig = "club"', 'rig = "club.toml"'))
    assert load_set_list(evening).songs[1].rig.seed == 3
    rig_path("club").unlink()
    evening.write_text(EVENING)
    assert load_set_list(evening).songs[1].rig.seed == 3


def test_without_a_rig_and_a_name_a_song_has_the_plain_one_and_the_set_list_its_file_s(tmp_path: Path) -> None:
    path = tmp_path / "late show.toml"
    path.write_text('[[song]]\nname = "One"\n')
    set_list = load_set_list(path)
    assert (set_list.name, set_list.songs[0].rig, set_list.warnings) == ("late show", Rig(), [])


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("120", "12", "line 8: song.tempo cannot be 12: allowed is a number from 20 to 400"),
        ("Bb minor", "h minor", "line 9: song.key cannot be 'h minor': allowed is a note and a scale, such as"),
        ("Bb minor", "c lydian", "line 9: song.key cannot be 'c lydian'"),
        ("start 4", "stop", "line 10: song.cue cannot be 'stop': allowed is start, fill, break"),
        ("start 4", "start x", "line 10: song.cue: start cannot be 'x': allowed is"),
        ("SOLO p2", "solo p9", "line 14: song.cue cannot be 'solo p9': allowed is solo with one of p1, p2, tr, no"),
        ("Second", "opening", "line 13: song.name cannot be 'opening': allowed is a name of its own"),
        ('name = "Second"', "", "song.name cannot be '': allowed is a name of 1 to 32 characters"),
        ("Second", "x" * 33, "allowed is a name of 1 to 32 characters"),
        ('cue = "drop"', "speed = 3", "line 19: song.speed is no key: allowed are name, rig, tempo, key, cue"),
        ("opening.toml", "nowhere", "line 7: song.rig: there is no rig 'nowhere': give a .toml file, or one of club"),
        ('rig = "club"', "rig = 7", "line 3: rig cannot be 7: allowed is one line of text"),
        ('name = "Friday"', "[songs]", "line 2: songs is no key: allowed are name, rig, song"),
        ("tempo = 120", "tempo = 120 120", "is not TOML"),
    ],
)
def test_what_a_set_list_cannot_say_is_refused_with_its_line(evening: Path, before: str, after: str, says: str) -> None:
    evening.write_text(EVENING.replace(before, after, 1))
    with pytest.raises(RigError) as refusal:
        load_set_list(evening)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_set_list_without_a_song_and_one_with_too_many_are_refused(tmp_path: Path) -> None:
    for text in ("", "\n".join(f'[[song]]\nname = "{number}"' for number in range(129))):
        path = tmp_path / "set.toml"
        path.write_text(text)
        with pytest.raises(RigError, match=r"has (0|129) songs: write \[\[song\]\] over each, of 1 to 128"):
            load_set_list(path)


def test_options_stand_over_the_rig_of_every_song_and_what_no_song_can_change_is_said(evening: Path) -> None:
    save_rig(evening.parent / "opening.toml", Rig(seed=2, rate=44_100, patch="arcade"))
    set_list = load_set_list(evening).over(lambda rig: Rig(patch="lead", rate=rig.rate), {"bpm": 90.0})
    assert {song.rig.patch for song in set_list.songs} == {"lead"}
    assert {song.controls["bpm"] for song in set_list.songs} == {90.0}
    assert set_list.warnings == [
        "the rigs of the set-list differ in rate: what the first song's rig says counts for all"
    ]


def test_two_patches_of_one_name_in_two_rigs_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.toml").write_text("")
    first, second = (Rig(patch=str(tmp_path / folder / "mine.toml")) for folder in ("a", "b"))
    library = load_library(first, others=[first])
    assert library.patch_name(str(first.patch)) == "mine"
    with pytest.raises(RigError, match=r"two patches are called mine, .*a/mine.toml and .*b/mine.toml: rename one"):
        load_library(first, others=[second])
