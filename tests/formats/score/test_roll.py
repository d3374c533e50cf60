"""Piano rolls: what sounds is where it belongs, in its colour; whatever the score, a picture comes out of it."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from examples import examples
from format_samples import scores, song
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from livegen.errors import FormatError, ScoreError
from livegen.formats.chip.register_log import Tags
from livegen.formats.score.piece import Piece
from livegen.formats.score.roll import write_picture
from livegen.score import Voice

COLOURS = {Voice.P1: "#ff7769", Voice.P2: "#6fd3ea", Voice.TR: "#cff25a", Voice.NO: "#b07cf0"}
SVG = "{http://www.w3.org/2000/svg}"
one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(30)
)


def boxes(path: Path, colour: str) -> list[tuple[float, ...]]:
    """Return x, y, width and height of the rectangles of a colour, without the legend's."""
    found = []
    for part in ET.parse(path).iter(f"{SVG}path"):
        if colour in (part.get("fill"), part.get("stroke")):
            found += re.findall(r"M(\S+) (\S+?)h([^v]+)v([^h]+)h", str(part.get("d")))
    return [box for box in (tuple(map(float, numbers)) for numbers in found) if box[1] > 60]


def test_a_note_is_as_long_and_as_high_as_it_is(tmp_path: Path) -> None:
    frames = np.zeros((48, 4, 3), np.uint8)
    frames[0:12, Voice.P1] = 60, 15, 2
    frames[12:24, Voice.P1] = 67, 15, 2
    frames[24:36, Voice.NO] = 4, 8, 0
    write_picture(tmp_path / "a.svg", Piece(frames))
    first, second = boxes(tmp_path / "a.svg", COLOURS[Voice.P1])
    (noise,) = boxes(tmp_path / "a.svg", COLOURS[Voice.NO])
    assert second[0] - first[0] == noise[0] - second[0] == first[2] + 1 == noise[2] + 1  # an attack leaves a pixel free
    assert first[1] - second[1] == 7 * first[3]
    assert noise[1] > first[1]
    assert not boxes(tmp_path / "a.svg", COLOURS[Voice.TR])


def test_volume_is_opacity_and_the_player_has_a_frame(tmp_path: Path) -> None:
    frames = np.zeros((20, 4, 3), np.uint8)
    frames[:10, Voice.P1], frames[10:, Voice.P1] = (60, 15, 0), (60, 3, 0)
    player = np.zeros((20, 4), bool)
    player[:10, Voice.P1] = player[:, Voice.P2] = True
    write_picture(tmp_path / "a.svg", Piece(frames, player))
    text = (tmp_path / "a.svg").read_text()
    assert f'fill="{COLOURS[Voice.P1]}" fill-opacity="0.40"' in text
    loud, quiet = sorted(boxes(tmp_path / "a.svg", COLOURS[Voice.P1]))
    (framed,) = boxes(tmp_path / "a.svg", "#ffffff")
    assert framed[0] == pytest.approx(loud[0] - 0.5)
    assert framed[2] == pytest.approx(loud[2])
    assert quiet[0] > framed[0] + framed[2]
    assert ">player<" in text


def test_the_words_are_the_title_the_markers_and_the_seconds(tmp_path: Path) -> None:
    piece = Piece(song(24 * 30), markers=((0, "intro"), (9999, "end")), tags=Tags("<Fire & \x1b ice>"))
    write_picture(tmp_path / "a.svg", piece)
    words = [part.text for part in ET.parse(tmp_path / "a.svg").iter(f"{SVG}text")]
    assert words[0] == "<Fire &  ice>"
    assert {"intro", "end", "0:00", "0:29", "0:30", "C5", "NO", "P1"} <= set(words)
    assert "player" not in words


def test_the_pixels_are_the_voices_colours(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    write_picture(tmp_path / "a.png", Piece(song(24 * 45)))
    with image.open(tmp_path / "a.png") as picture:
        assert picture.size[0] == 2000
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}
    full = {tuple(bytes.fromhex(colour[1:])) for voice, colour in COLOURS.items() if voice is not Voice.TR}
    assert full <= colours  # in the legend


@one_folder
@given(frames=scores(), ending=st.sampled_from([".svg", ".png"]), data=st.data())
def test_any_score_makes_a_picture(tmp_path: Path, frames, ending, data) -> None:
    player = data.draw(st.none() | hnp.arrays(bool, frames.shape[:2]))
    if not len(frames):
        with pytest.raises(FormatError, match="no frames"):
            write_picture(tmp_path / f"a{ending}", Piece(frames, player))
        return
    write_picture(tmp_path / f"a{ending}", Piece(frames, player))
    assert (tmp_path / f"a{ending}").stat().st_size > 500


@pytest.mark.parametrize(("seconds", "n_rows"), [(20, 1), (20.1, 1), (22, 1), (23, 2), (43, 2), (45, 3)])
def test_no_row_is_for_the_last_moment_alone(tmp_path: Path, seconds: float, n_rows: int) -> None:
    """Each row has an axis that begins at the left."""
    write_picture(tmp_path / "a.svg", Piece(np.repeat(song(1), round(24 * seconds), axis=0)))
    axes = [text for text in ET.parse(tmp_path / "a.svg").iter(f"{SVG}text") if re.fullmatch(r"C\d", text.text or "")]
    assert len({text.get("y") for text in axes}) == n_rows * len({text.text for text in axes})


def test_a_long_score_is_drawn_within_bounds_and_a_longer_one_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.svg", Piece(np.tile(song(24 * 60), (20, 1, 1))))
    height = int(ET.parse(tmp_path / "a.svg").getroot().get("height") or 0)
    assert height < 40 * 1000
    with pytest.raises(FormatError, match="hours"):
        write_picture(tmp_path / "b.svg", Piece(np.zeros((3601 * 24, 4, 3), np.uint8)))
    with pytest.raises(ScoreError, match="player"):
        Piece(song(4), np.zeros((3, 4), bool))


def test_without_pillow_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(FormatError, match="pip install pillow, or write"):
        write_picture(tmp_path / "a.png", Piece(song()))
