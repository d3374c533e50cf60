"""Texts of trackers as files: whose one is, which song is wanted, and what is wrong with a bad one."""

import random
import re

import numpy as np
import pytest
from format_samples import song

from livegen.errors import FormatError
from livegen.formats.files import ignore
from livegen.formats.score.kinds import read_piece, write_piece
from livegen.formats.score.piece import Piece
from livegen.formats.tracker import text as tracker_text
from livegen.formats.tracker.famistudio_player import play_song
from livegen.formats.tracker.famistudio_reader import read_famistudio
from livegen.formats.tracker.famistudio_writer import famistudio_text
from livegen.formats.tracker.famitracker_player import play_track
from livegen.formats.tracker.famitracker_reader import read_famitracker
from livegen.formats.tracker.famitracker_writer import famitracker_text
from livegen.formats.tracker.file import TRACKER_ENDINGS, read_tracker
from livegen.offline.convert import Options, convert

endings = pytest.mark.parametrize("ending", TRACKER_ENDINGS)


def small():
    """Return a piece of a few rows, so that much may be tried."""
    return Piece(song(10), tempos=((0, 180.0),))


TEXTS = {"famitracker": famitracker_text(small(), "a"), "famistudio": famistudio_text(small(), "a")}


def read(tracker, text):
    """Read and play a text as `read_tracker` does, without a file."""
    if tracker == "famistudio":
        project = read_famistudio("a.txt", text, ignore)
        return [play_song("a.txt", project, song) for song in project.songs]
    module = read_famitracker("a.txt", text, ignore)
    return [play_track("a.txt", module, track)[0] for track in module.tracks]


@endings
def test_what_is_inside_tells_whose_a_text_is(tmp_path, ending):
    write_piece(tmp_path / f"a{ending}", Piece(song()))
    (tmp_path / "b.txt").write_bytes((tmp_path / f"a{ending}").read_bytes())
    other = next(other for other in TRACKER_ENDINGS if other != ending)
    (tmp_path / f"c{other}").write_bytes((tmp_path / f"a{ending}").read_bytes().replace(b"\n", b"\r\n"))
    for name in (f"a{ending}", "b.txt", f"c{other}"):
        assert np.array_equal(read_piece(tmp_path / name).frames, song())


@pytest.mark.parametrize(
    "content", [b"", b"Dear diary,\n", b"# notes\n", b"\xff\xfe\x00", b"Projects\n", b" \n" * 1000]
)
def test_any_other_text_is_refused(tmp_path, content):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(FormatError, match=r"a\.txt is no text of FamiTracker or FamiStudio"):
        read_tracker(tmp_path / "a.txt")


def test_several_songs_are_numbered_from_one(tmp_path):
    text, more = TEXTS["famitracker"], TEXTS["famitracker"][TEXTS["famitracker"].index("# track HEADER") :]
    (tmp_path / "a.txt").write_text(text + more.replace(" F ", " 7 "))
    for track, loudest in ((None, 15), (1, 15), (2, 15)):
        assert read_tracker(tmp_path / "a.txt", track=track).frames[..., 1].max() <= loudest
    convert(tmp_path / "a.txt", tmp_path / "b.npz", Options(track=2))
    for track in (0, 3):
        with pytest.raises(FormatError, match=f"there is no track {track} in a.txt: there are 2 songs"):
            read_tracker(tmp_path / "a.txt", track=track)
    write_piece(tmp_path / "c.mid", Piece(song()))
    with pytest.raises(FormatError, match=r"--track means nothing from c\.mid"):
        convert(tmp_path / "c.mid", tmp_path / "d.npz", Options(track=1))


def test_a_text_becomes_what_any_score_becomes(tmp_path):
    write_piece(tmp_path / "a.fs.txt", Piece(song()))
    for name in ("b.mid", "b.ftm.txt", "b.tx1.txt", "b.svg"):
        assert convert(tmp_path / "a.fs.txt", tmp_path / name, Options()).seconds == pytest.approx(2.0, abs=0.1)
    assert np.array_equal(read_piece(tmp_path / "b.ftm.txt").frames, song())
    with pytest.raises(FormatError, match=r"a\.fs\.txt cannot become b\.txt: that name must end in .*\.fs\.txt"):
        convert(tmp_path / "a.fs.txt", tmp_path / "b.txt", Options())


@pytest.mark.parametrize("tracker", TEXTS)
def test_a_text_that_is_cut_anywhere_is_read_or_refused_with_its_line(tracker):
    text, chance = TEXTS[tracker], random.Random(tracker)
    refused = 0
    for _ in range(150):
        cut = text[: chance.randrange(1, len(text))]
        said = []
        try:
            if tracker == "famitracker":
                read_famitracker("a.txt", cut, said.append)
            else:
                read_famistudio("a.txt", cut, said.append)
        except FormatError as error:
            refused += 1
            assert re.fullmatch(rf"a\.txt, line {cut.count(chr(10)) + 1}: [^\n]*", str(error))
        else:
            assert [sentence for sentence in said if "is cut off" in sentence] or cut.rstrip() == text.rstrip()
    assert 20 < refused < 150


@pytest.mark.parametrize(
    ("tracker", "old", "new", "says"),
    [
        ("famitracker", "ROW 01", "ROW 100", "the row is '100' and must be 0..255"),
        ("famitracker", "ORDER 00 : 00 ", "ORDER 00 : 100 ", "a pattern is '100'"),
        ("famitracker", "ORDER 00 : 00 ", "ORDER 00 : ", "it has 4 channels and must have 5"),
        ("famitracker", "TRACK ", "TRACK 9999999999999", "the number of rows is '9999999999999"),
        ("famitracker", "COLUMNS : ", "COLUMNS : 9", "the number of columns is '9"),
        ("famitracker", "FRAMERATE       60", "FRAMERATE       801", "framerate is '801' and must be 0..800"),
        ("famitracker", "# SEQUENCES block", "MACRO 0 0 -1 -1 0 : 1e9", "a value of the sequence is '1e9'"),
        ("famitracker", "# SEQUENCES block", "MACRO 0 0 -1 -1 0 :" + " 1" * 253, "253 numbers, and 252 is the most"),
        ("famitracker", "# SEQUENCES block", "GROOVE 0 2 : 5", "the groove has 1 speeds and says that it has 2"),
        ("famitracker", "# SEQUENCES block", "ROW 00 : ... .. .", "it comes before any TRACK"),
        ("famitracker", "# SEQUENCES block", "HELLO 1", "'HELLO' is no command"),
        ("famitracker", "# SEQUENCES block", 'TITLE "open', "no closing quote"),
        ("famistudio", 'Length="', 'Length="99999999999999999999', "Length is '9999"),
        ("famistudio", 'NoteLength="', 'NoteLength="9', "NoteLength is"),
        ("famistudio", 'Value="', 'Value="H', "must be a note from C0 to B7"),
        ("famistudio", 'Volume="', 'Volume="-', "Volume is '-"),
        ("famistudio", "\tSong", "\tSongs", "is no object of FamiStudio's text"),
        ("famistudio", "Project", "Instrument", "Instrument comes before Project"),
        (
            "famistudio",
            'PatternInstance Time="0" Pattern="',
            'PatternInstance Time="0" Pattern="x',
            "none of its channel",
        ),
        ("famistudio", "Instrument Name", "Envelope Name", "Envelope comes before any Instrument"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tracker, old, new, says):
    text = TEXTS[tracker].replace(old, new, 1)
    with pytest.raises(FormatError, match=re.escape(says)) as refused:
        read(tracker, text)
    changed = next(
        n for n, (a, b) in enumerate(zip(text.split("\n"), TEXTS[tracker].split("\n"), strict=True), 1) if a != b
    )
    assert f"a.txt, line {changed}: " in str(refused.value)
    assert len(str(refused.value)) < 250


def test_a_text_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tracker_text, "MAX_BYTES", 1000)
    (tmp_path / "a.txt").write_bytes(b"# FamiTracker text export\n" * 100)
    with pytest.raises(FormatError, match=r"a\.txt is too large"):
        read_tracker(tmp_path / "a.txt")
