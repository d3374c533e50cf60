"""All that is judged of a model as a partner, by name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from livegen.judge.answering import MODES, judge_answering
from livegen.judge.endurance import N_SETS, judge_endurance
from livegen.judge.listening import judge_listening
from livegen.judge.pages import draw_endurance, draw_listening, draw_pulse
from livegen.judge.pulse import N_RUNS, judge_pulse
from livegen.judge.stage import Stage
from livegen.score import Voice
from livegen.training.dataset import Songs
from livegen.training.sources import VALID, Heard, Listener, load_songs

_N_MELODIES: Final = 16
_N_ANSWERED: Final = 12

_Judge = Callable[[Stage, Songs, int, Callable[[], None], Path | None], dict[str, Any]]


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
        Songs, as `livegen.training.sources.load_songs` takes them; the split "valid" is played.
    model_folder : Path
        A folder as `livegen.engines.checkpoint.load_predictor` takes.
    asked : sequence of str
        Some of ``listen``, ``answer``, ``pulse`` and ``long``.
    listener : Listener, optional
        Is told of progress, by these names.
    picture : Path, optional
        A PNG; each page that is drawn has what it shows in its name, as in ``page-listen.png``. Answers are not drawn.

    Returns
    -------
    dict
        By these names, what `judge_listening`, `judge_answering`, `judge_pulse` and `judge_endurance` return.

    Raises
    ------
    TrainingError, CheckpointError, FormatError
        If the data or the model cannot be used, or a picture cannot be drawn.
    """
    listener = listener or Heard()
    songs, stage = load_songs(data, VALID, listener, is_strict=is_strict), Stage(model_folder)
    figures = {}
    for name in asked:
        judge, n_pieces = _JUDGES[name]
        n_played = 0

        def progress(name: str = name, n_pieces: int = n_pieces) -> None:
            nonlocal n_played
            n_played += 1
            listener.progress(name, n_played / n_pieces)

        page = picture and picture.with_stem(f"{picture.stem}-{name}")
        figures[name] = judge(stage, songs, seed, progress, page)
    return figures


def _listen(stage: Stage, songs: Songs, seed: int, progress: Callable[[], None], page: Path | None) -> dict[str, Any]:
    figures, heard = judge_listening(stage, songs, n_songs=_N_MELODIES, seed=seed, progress=progress)
    if page is not None:
        draw_listening(page, heard, Voice.P1)
    return figures


def _answer(stage: Stage, songs: Songs, seed: int, progress: Callable[[], None], page: Path | None) -> dict[str, Any]:
    return judge_answering(stage, songs, n_songs=_N_ANSWERED, seed=seed, progress=progress)


def _pulse(stage: Stage, songs: Songs, seed: int, progress: Callable[[], None], page: Path | None) -> dict[str, Any]:
    figures, runs = judge_pulse(stage, songs, seed=seed, progress=progress)
    if page is not None:
        draw_pulse(page, runs)
    return figures


def _long(stage: Stage, songs: Songs, seed: int, progress: Callable[[], None], page: Path | None) -> dict[str, Any]:
    figures, sets = judge_endurance(stage, songs, seed=seed, progress=progress)
    if page is not None:
        draw_endurance(page, sets, songs)
    return figures


_JUDGES: Final[dict[str, tuple[_Judge, int]]] = {
    "listen": (_listen, _N_MELODIES),
    "answer": (_answer, _N_ANSWERED * len(MODES)),
    "pulse": (_pulse, N_RUNS),
    "long": (_long, N_SETS),
}
"""By name: what judges it, and how many pieces are played for it."""
