"""What is found in pieces of which it is known by construction."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from livegen.analysis.analysis import analyse
from livegen.analysis.form import phrases, similarities
from livegen.analysis.keys import keys_by_bar, name_of
from livegen.analysis.picture import write_page
from livegen.errors import FormatError
from livegen.formats.score.piece import Piece
from livegen.score import Voice
from livegen.units import period_to_bpm

BEAT = 12  # frames, 120 beats a minute
A_TUNE = [(0, 60), (2, 64), (4, 67), (6, 64), (8, 65), (10, 69), (12, 67), (14, 62)]  # eighths as sixteenths, and notes
B_TUNE = [(0, 67), (2, 71), (3, 72), (4, 74), (8, 71), (10, 66), (12, 69), (13, 67)]


def piece(form: str, shift_b: int = 0, silence: int = 0) -> Piece:
    """Write phrases of four bars: a tune in P1 that begins higher in each second bar, over a bass and a drum."""
    bars = []
    for letter in form:
        for bar in range(4):
            frames = np.zeros((4 * BEAT, 4, 3), np.uint8)
            tune = A_TUNE if letter == "A" else B_TUNE
            shift = (shift_b if letter == "B" else 0) + 12 * (bar % 2)
            for (step, note), (end, _) in zip(tune, [*tune[1:], (16, 0)], strict=True):
                frames[step * 3 : end * 3, Voice.P1] = note + shift, 10, 2
            for beat in range(4):
                frames[beat * BEAT : beat * BEAT + 9, Voice.TR] = tune[0][1] - 24 + shift % 12, 0, 0
                frames[beat * BEAT : beat * BEAT + 3, Voice.NO] = 5 + beat % 2 * 4, 9, 0
            bars.append(frames)
    return Piece(np.concatenate([np.zeros((silence, 4, 3), np.uint8), *bars]))


def test_tempo_bars_form_and_voices() -> None:
    found = analyse(piece("AABA", silence=30))
    assert found.bars.is_beat
    assert found.bars.bpm == pytest.approx(period_to_bpm(BEAT), rel=1e-3)
    assert found.bars.first_frame == pytest.approx(30, abs=0.5)
    assert found.bars.n_bars == 16
    assert (found.first_phrase, found.letters) == (0, ["A", "A", "B", "A"])
    assert [name_of(key) for key in found.keys[:4]] == ["C major"] * 4
    bass, drums, second = (found.voices[voice] for voice in (Voice.TR, Voice.NO, Voice.P2))
    assert (bass.lowest, bass.highest, bass.n_notes) == (36, 43, 64)
    assert bass.share == pytest.approx(0.75 * 768 / 798, abs=0.01)
    assert (drums.lowest, drums.highest, second.n_notes, second.share) == (5, 9, 0, 0)


def test_a_key_changes_where_the_music_does() -> None:
    chroma = np.zeros((16, 12))
    chroma[:8, [0, 2, 4, 5, 7, 9, 11]] = [4, 1, 3, 1, 3, 1, 1]
    chroma[8:] = np.roll(chroma[:8], 4, axis=1)
    chroma[3] = np.roll(chroma[3], 7)  # a bar on the dominant is no other key
    assert [name_of(key) for key in keys_by_bar(chroma)] == ["C major"] * 8 + ["E major"] * 8


def test_motifs_come_back_at_other_pitches_too() -> None:
    found = analyse(piece("AABA"))
    motif = found.motifs[0]
    assert len(motif.notes) >= 8
    assert {voice for voice, _, _ in motif.places} == {Voice.P1}
    semitones = {shift for motif in found.motifs for _, _, shift in motif.places}
    assert 0 in semitones
    assert all(len(motif.places) >= 2 and len(motif.steps) == len(motif.notes) - 1 for motif in found.motifs)


def test_bars_are_as_alike_as_their_sixteenths() -> None:
    steps = np.zeros((48, 4), np.uint8)
    steps[:16, 0] = 60
    steps[16:32, 0] = [60] * 12 + [62] * 4
    alike = similarities(steps)
    assert alike.tolist() == [[1, 0.75, 0], [0.75, 1, 0], [0, 0, 1]]
    assert phrases(alike) == (0, ["A"])


def test_a_piece_without_beat_or_pitch_is_analysed_all_the_same() -> None:
    for frames in (np.zeros((1, 4, 3), np.uint8), np.zeros((500, 4, 3), np.uint8)):
        found = analyse(Piece(frames))
        assert (found.key, found.bars.is_beat, found.motifs) == (None, False, [])
        json.dumps(found.figures())


@pytest.mark.parametrize(("n_frames", "says"), [(0, "nothing to analyse"), (90_000, "up to 1 is analysed")])
def test_nothing_and_too_much_are_refused(n_frames: int, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        analyse(Piece(np.zeros((n_frames, 4, 3), np.uint8)))


def test_the_figures_are_json_and_name_things(tmp_path: Path) -> None:
    figures = json.loads(json.dumps(analyse(piece("AABA")).figures()))
    assert figures["key"]["name"] == "C major"
    assert figures["form"]["letters"] == "A A B A"
    assert figures["voices"]["tr"]["lowest"] == "C2"
    assert figures["motifs"][0]["places"][0].keys() == {"voice", "bar", "beat", "semitones"}


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_the_page_is_drawn(tmp_path: Path, ending: str) -> None:
    write_page(tmp_path / f"page{ending}", analyse(piece("AABA")), "A tune")
    if ending == ".png":
        with Image.open(tmp_path / "page.png") as image:
            assert image.width == 1200
            assert len(image.getcolors(1 << 20) or ()) > 20
    else:
        assert "A tune" in (tmp_path / "page.svg").read_text()
    with pytest.raises(FormatError, match=r"\.png or \.svg"):
        write_page(tmp_path / "page.txt", analyse(piece("A")), "")
