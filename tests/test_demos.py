"""The demos are those of their list, and each is sound within its bars. `make demos` makes them anew."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "tools" / "demos"))

from check import heard, misses
from figures import Songs, key_and_share, level, longest_trill
from roll import PICTURE, STILLS, moving_roll
from table import FIGURES, FOLDER, Demo, read_table
from tunes import TUNES, midi_file, write_tunes

from livegen.formats.score.kinds import read_piece
from livegen.patch import list_patches
from livegen.score import Voice

DEMOS = read_table()
KNOWN = json.loads(FIGURES.read_text("utf-8"))
LARGEST_BYTES = 4_000_000
MELODY = [60, 62, 64, 67, 69, 67, 64, 65, 71, 72, 69, 65, 62, 59, 60]


def line(notes: list[int], frames_each: int = 6, voice: Voice = Voice.P1) -> np.ndarray:
    """Return frames in which one voice plays notes."""
    frames = np.zeros((len(notes) * frames_each, 4, 3), np.uint8)
    frames[:, voice, 0] = np.repeat(notes, frames_each)
    frames[:, voice, 1] = 12
    return frames


def test_the_folder_is_its_list() -> None:
    assert len(DEMOS) == 12
    files = {path.name for path in FOLDER.iterdir() if path.suffix == ".opus"}
    assert files == {demo.sound.name for demo in DEMOS}
    assert list(KNOWN) == [demo.name for demo in DEMOS]
    page = (FOLDER / "README.md").read_text("utf-8")
    assert all(f"({demo.sound.name})" in page for demo in DEMOS)
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < LARGEST_BYTES


def test_modes_models_and_patches_are_shown() -> None:
    said = " ".join(" ".join(demo.words) for demo in DEMOS)
    shown = "--set mode=answer", "--set mode=trade", "--set chord_from=model", "--model transformer", "--model vae"
    for what in (*shown, "--model gan", "--model no=gan"):
        assert what in said
    patches = [demo.words[demo.words.index("--patch") + 1] for demo in DEMOS if "--patch" in demo.words]
    assert set(patches) <= set(list_patches())
    assert len(set(patches)) == len(patches) == len(DEMOS) - 1  # the first has the plain one, unasked
    prompts = {Path(word).stem for demo in DEMOS for word in demo.words if word.endswith(".mid")}
    assert prompts == set(TUNES)


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_a_demo_is_within_its_bars(demo: Demo) -> None:
    assert misses({**KNOWN[demo.name], **heard(demo)}) == []
    asked = demo.words[demo.words.index("--seconds") + 1]
    assert KNOWN[demo.name]["seconds"] == pytest.approx(float(asked), abs=0.05)


def test_each_kind_of_model_has_a_picture_on_its_page() -> None:
    page = (PICTURE.parent / "engines.md").read_text("utf-8")
    for name, picture in STILLS.items():
        assert f"`{name}`" in page
        assert f"]({picture.name})" in page
        assert picture.stat().st_size < 100_000


def test_the_tunes_are_those_that_are_written_down(tmp_path: Path) -> None:
    write_tunes(tmp_path)
    for name in TUNES:
        assert (tmp_path / f"{name}.mid").read_bytes() == (FOLDER / "tunes" / f"{name}.mid").read_bytes()
    assert midi_file(TUNES["walk"]).length == pytest.approx(64 * 60 / 126, abs=0.5)


def test_silence_and_clipping_are_noticed() -> None:
    tone = 0.8 * np.sin(np.arange(30 * 8_000) / 10.0)
    good = {"seconds": 30.0, "in_key": 1.0, "longest_trill": 0.0, "nearest": {"size": 8}}
    with_a_gap = np.where(np.arange(len(tone)) // 12_000 == 10, 0.0, 0.8 * tone)
    clipped = np.clip(1.5 * tone, -1.0, 1.0)

    def missed(sound: np.ndarray, **changes: object) -> list[str]:
        found = misses({**good, **level(sound, 8_000)._asdict(), **changes})
        return [each.split()[0] for each in found]

    assert missed(0.8 * tone) == []
    assert missed(with_a_gap) == ["longest_silence"]
    assert missed(clipped) == ["peak", "rms"]
    assert missed(0.8 * tone, nearest=None) == ["nearest.size"]


def test_a_trill_is_noticed_and_a_bass_in_octaves_is_none() -> None:
    assert longest_trill(line([60, 62] * 12, 3)) == pytest.approx(22 * 3 / 24, abs=0.13)
    assert longest_trill(line([40, 52] * 12, 3)) == 0.0
    assert longest_trill(line(MELODY, 3)) == 0.0
    assert longest_trill(line([60, 62] * 12, 12)) == 0.0  # a slow change of notes


def test_notes_out_of_key_are_noticed() -> None:
    scale = [60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60, 67] * 4
    assert key_and_share(line(scale)) == ("C major", 1.0)
    assert key_and_share(line([note + (i % 3 == 0) for i, note in enumerate(scale)]))[1] < 0.9


def test_a_copy_is_found_in_another_key_tempo_and_voice() -> None:
    other = line([60, 60, 67, 55, 62, 71, 57], 8)
    song = line([note + 5 for note in MELODY], 4, Voice.TR)
    frames = np.concatenate([other, song])
    songs = Songs(frames, np.array([0, len(other), len(frames)]), ["other", "song"])
    found = songs.nearest(np.concatenate([line([48, 57, 50], 6), line(MELODY, 7)]))
    assert (found.song, found.voice, found.size) == ("song", Voice.P1, len(MELODY) - 1 + 1)
    assert found.seconds == pytest.approx(18 / 24)
    assert songs.nearest(line([60, 61, 66, 59, 68, 60, 70])).size == 0


def test_a_figure_that_repeats_counts_once() -> None:
    bass = line([40, 52, 47, 52] * 20)
    songs = Songs(bass, np.array([0, len(bass)]), ["bass"])
    assert songs.nearest(bass).size <= 8


def test_the_moving_picture_shows_who_plays_and_stands_still_on_request() -> None:
    picture = PICTURE.read_text("utf-8")
    assert PICTURE.stat().st_size < 2_000_000
    drawn = moving_roll(read_piece(FOLDER / "tunes" / "walk.mid"), "livegen render walk.flac")
    for text in (picture, drawn):
        assert "<title" in text
        assert "prefers-reduced-motion" in text
        assert "@keyframes" in text
        assert re.search(r"linear -\d+\.\d+s infinite", text), "it begins without a note"
