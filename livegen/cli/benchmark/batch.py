"""Rendering many songs at once, on all cores, beside one after the other."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from livegen.engines.cast import Cast
from livegen.offline.batch import Renders, numbered, render_all, usual_jobs

_N_SONGS: Final = 16
_N_FRAMES: Final = 120


def measure_batch(model_folder: Path) -> dict[str, Any]:
    """Return how quickly songs are rendered: frames a second one at a time and on all cores, and whether they agree.

    Returns
    -------
    dict
        ``songs jobs one_at_a_time_fps at_once_fps``; ``times``, how many times as quick at once is; ``is_same``,
        whether the files are the same to the last byte. The start of the processes counts.
    """
    with tempfile.TemporaryDirectory(prefix="livegen-bench-") as folder:
        paths = numbered(Path(folder) / "song.npz", _N_SONGS)
        renders = Renders(paths, tuple(range(_N_SONGS)), _N_FRAMES, Cast(str(model_folder.resolve())))
        n_jobs = usual_jobs()
        fps, files = {}, {}
        for name, jobs in (("one_at_a_time_fps", 1), ("at_once_fps", n_jobs)):
            began = time.perf_counter()
            for done in render_all(replace(renders), n_jobs=jobs):
                assert done.error is None, done.error
            fps[name] = _N_SONGS * _N_FRAMES / (time.perf_counter() - began)
            files[name] = [path.read_bytes() for path in paths]
    is_same = files["one_at_a_time_fps"] == files["at_once_fps"]
    times = fps["at_once_fps"] / fps["one_at_a_time_fps"]
    return {"songs": _N_SONGS, "jobs": n_jobs, **fps, "times": times, "is_same": is_same}
