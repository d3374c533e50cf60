"""All that is judged of a model as a partner, by name."""

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

from livegen.judge import answering, listening
from livegen.judge.answering import judge_answering
from livegen.judge.endurance import N_SETS, judge_endurance
from livegen.judge.listening import judge_listening
from livegen.judge.pages import draw_endurance, draw_listening, draw_pulse
from livegen.judge.pulse import N_RUNS, judge_pulse
from livegen.judge.stage import Stage
from livegen.performance.modes import TURNS
from livegen.training.data.sources import VALID, Heard, Listener, load_songs


def judge_partner(
    data: Path,
    model_folder: Path,
    asked: Sequence[str],
    *,
    seed: int = 0,
    listener: Listener | None = None,
    picture: Path | None = None,
    is_strict: bool = False,
) -> dict[str, Any]:
    """Judge what a model plays in sessions as they are by default, beside a split that it was not trained on.

    Parameters
    ----------
    data : Path
        Songs, as `livegen.training.data.sources.load_songs` takes them; the split "valid" is played.
    model_folder : Path
        A folder as `livegen.engines.checkpoint.load_engine` takes.
    asked : sequence of str
        Some of ``listen``, ``answer``, ``pulse`` and ``long``.
    listener : Listener, optional
        Is told of progress, by these names.
    picture : Path, optional
        A PNG; each page that is drawn has what it shows in its name, as in ``page-listen.png``. Answers are not drawn.

    Returns
    -------
    dict
        By these names, the figures of `judge_listening`, `judge_answering`, `judge_pulse` and `judge_endurance`.

    Raises
    ------
    TrainingError, CheckpointError, FormatError
        If the data or the model cannot be used, or a picture cannot be drawn.
    """
    listener = listener or Heard()
    songs, stage = load_songs(data, VALID, listener, is_strict=is_strict), Stage(model_folder)
    figures = {}
    for name in asked:
        judge, draw, n_pieces = _JUDGES[name]
        figures[name], pieces = judge(stage, songs, seed=seed, progress=_counter(listener, name, n_pieces))
        if picture is not None and draw is not None:
            draw(picture.with_stem(f"{picture.stem}-{name}"), pieces)
    return figures


def _counter(listener: Listener, name: str, n_pieces: int) -> Callable[[], None]:
    """Return what is called after every piece, and tells how many of them are done."""
    done = count(1)
    return lambda: listener.progress(name, next(done) / n_pieces)


_Judge = Callable[..., tuple[dict[str, Any], list[Any]]]
_Draw = Callable[[Path, list[Any]], None]

_JUDGES: Final[dict[str, tuple[_Judge, _Draw | None, int]]] = {
    "listen": (judge_listening, draw_listening, listening.N_SONGS),
    "answer": (judge_answering, None, answering.N_SONGS * len(TURNS)),
    "pulse": (judge_pulse, draw_pulse, N_RUNS),
    "long": (judge_endurance, draw_endurance, N_SETS),
}
"""By name: what judges it, what draws the pieces that were played, and how many there are."""
