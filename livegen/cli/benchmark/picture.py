"""A picture of how times are distributed: a row of bars for each, with its median and its 99th percentile."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.files import check_place
from livegen.formats.score.canvas import RIGHT, canvas_for
from livegen.formats.score.roll import PICTURE_ENDINGS

_WIDTH, _ROW, _EDGE = 900, 96, 16
_LEFT: Final = 190
_N_BINS: Final = 140
_SHOWN: Final = 99.5  # percentile at which the axis ends
_BACKGROUND, _INK, _BARS, _MARK = "#ffffff", "#222222", "#4477aa", "#cc3311"


def check_picture(path: Path) -> None:
    """Refuse a file that cannot become a picture, before anything is measured; raises FormatError."""
    if path.suffix.lower() not in PICTURE_ENDINGS:
        raise FormatError(f"{path} is no picture: its name must end in {' or '.join(PICTURE_ENDINGS)}")
    check_place(path)


def write_distributions(path: Path, times_ms: Mapping[str, NDArray[np.float64]]) -> None:
    """Draw times in milliseconds, by what took them; raises FormatError.

    Names that begin with the same word, up to a space, share an axis.
    """
    canvas = canvas_for(path, _WIDTH, _ROW * len(times_ms) + 2 * _EDGE)
    canvas.rectangle(0, 0, _WIDTH, _ROW * len(times_ms) + 2 * _EDGE, _BACKGROUND)
    width = _WIDTH - _LEFT - _EDGE
    for row, (name, times) in enumerate(times_ms.items()):
        alike = [of for other, of in times_ms.items() if other.split()[0] == name.split()[0]]
        end = max(float(np.percentile(of, _SHOWN)) for of in alike)
        floor = _EDGE + _ROW * (row + 1) - 28
        counts, _ = np.histogram(times, _N_BINS, (0.0, end))
        for i, share in enumerate((counts / max(int(counts.max()), 1)).tolist()):
            if share:
                height = share * (_ROW - 44)
                canvas.rectangle(_LEFT + i * width / _N_BINS, floor - height, width / _N_BINS, height, _BARS)
        canvas.rectangle(_LEFT, floor, width, 1, _INK)
        median, p99 = np.percentile(times, [50, 99]).tolist()
        for at in (median, p99):
            canvas.rectangle(_LEFT + min(at / end, 1.0) * width, floor - _ROW + 40, 1.5, _ROW - 40, _MARK)
        canvas.text(_LEFT - 12, floor - 24, name, 14, _INK, RIGHT)
        canvas.text(_LEFT - 12, floor - 6, f"p50 {median:.3g}, p99 {p99:.3g} ms", 11, _INK, RIGHT)
        canvas.text(_LEFT, floor + 10, "0", 11, _INK)
        canvas.text(_LEFT + width, floor + 10, f"{end:.3g} ms", 11, _INK, RIGHT)
    canvas.save(path)
