import math

from livegen.training.curve import CURVE_FILE, PICTURE_FILE, CurveRow, read_curve, write_curve


def test_a_curve_is_read_as_it_was_written(tmp_path):
    rows = [CurveRow(10, 1.5, 9.0, 3.25, 3.5), CurveRow(20, 3.0, 7.0, 2.5, 2.75)]
    write_curve(tmp_path, rows)
    assert read_curve(tmp_path) == rows
    assert (tmp_path / CURVE_FILE).read_text().startswith("step,minutes,loss,note_nll,valid_note_nll")


def test_a_picture_is_drawn_where_it_can_be(tmp_path):
    write_curve(tmp_path, [CurveRow(10, 1.5, 9.0, 3.25, math.nan)])
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        assert not (tmp_path / PICTURE_FILE).exists()
    else:
        assert (tmp_path / PICTURE_FILE).read_bytes().startswith(b"\x89PNG")


def test_a_curve_that_is_not_there_or_damaged_has_no_rows(tmp_path):
    assert read_curve(tmp_path) == []
    (tmp_path / CURVE_FILE).write_text("step,minutes\n1,2\n")
    assert read_curve(tmp_path) == []
