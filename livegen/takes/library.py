"""The folder of takes: making a new take, finding one, listing them, and removing old ones."""

import contextlib
import hashlib
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import llvmlite.binding
import numba
import numpy as np

from livegen import __version__
from livegen.engines.checkpoint import CONDUCTOR, CONFIG_FILE, WEIGHTS_FILE
from livegen.errors import TakeError
from livegen.instrument.instrument import Instrument
from livegen.system.kernels import CACHE_FOLDER
from livegen.system.resources import models_folder, user_data_folder
from livegen.takes.log import summary_of
from livegen.takes.recorder import lock
from livegen.takes.records import LOG_FILE, End, Head
from livegen.takes.take import Take

_PACKAGE: Final = Path(__file__).parent.parent
_CORE: Final = (
    *("*.py", "controls/*.py", "toml/*.py", "patch/*.py"),
    *("engines/**/*.py", "performance/**/*.py", "instrument/*.py"),
)
_MOST_OF_A_SECOND: Final = 1000
_DAY_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class TakeSettings:
    """What a take is told of its jam because it cannot know it itself.

    Attributes
    ----------
    folder : Path or None
        Where takes are kept; None is the usual place.
    model : mapping of str to str
        ``name`` and ``folder``.
    patch : str
        Name of the patch that the jam begins with.
    patches : mapping of str to str
        The texts, by name, of that patch and of those that may take over.
    settings : mapping of str to str
        Kept for information only.
    voice_models : mapping of str to mapping
        ``name`` and ``folder`` of each model that plays a voice alone, by the name of the voice.
    """

    folder: Path | None
    model: Mapping[str, str]
    patch: str
    patches: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    voice_models: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def takes_folder() -> Path:
    """Return the folder where takes are kept by default; it need not exist yet."""
    return user_data_folder() / "takes"


def versions() -> dict[str, str]:
    """Return the versions that must be the same for the same music, bit for bit, from the same take and model."""
    return {
        "livegen": __version__,
        "core": _core_hash(),
        "kernels": CACHE_FOLDER.name,
        "conductor": model_hash(models_folder() / CONDUCTOR)[:16],
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": llvmlite.binding.get_host_cpu_name(),
    }


def _core_hash() -> str:
    """Return a hash of the code that decides what is played; this code changes more often than the version number."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _CORE for path in _PACKAGE.glob(pattern)):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def model_hash(folder: Path) -> str:
    """Return the SHA-256 of a model's files; empty if they cannot be read."""
    digest = hashlib.sha256()
    try:
        for name in (CONFIG_FILE, WEIGHTS_FILE):
            digest.update((folder / name).read_bytes())
    except OSError:
        return ""
    return digest.hexdigest()


def new_take(told: TakeSettings, instrument: Instrument) -> tuple[Path, Head]:
    """Make the folder for the take of an instrument that has not played yet, and return it with the take's head.

    Raises
    ------
    TakeError
        If there is no room for it.
    """
    started = datetime.now().astimezone()
    folder = _new_folder(takes_folder() if told.folder is None else told.folder, started)
    return folder, head_of(told, instrument, started)


def head_of(told: TakeSettings, instrument: Instrument, started: datetime) -> Head:
    """Return the head of a take that begins now, with the instrument in its present state."""
    return Head(
        started=started.isoformat(timespec="milliseconds"),
        versions=versions(),
        seed=instrument.state.seed,
        model=_with_hash(told.model),
        voice_models={voice: _with_hash(model) for voice, model in told.voice_models.items()},
        patch={"name": told.patch, "sha256": hashlib.sha256(told.patches[told.patch].encode("utf-8")).hexdigest()},
        patches=told.patches,
        values=instrument.values,
        sample_rate=int(instrument.callback["sample_rate"][0]),
        settings=told.settings,
    )


def _with_hash(model: Mapping[str, str]) -> Mapping[str, str]:
    return {**model, "sha256": model_hash(Path(model["folder"]))}


def _new_folder(parent: Path, started: datetime) -> Path:
    """Make the folder of a take, named by date and time; a number tells takes of the same second apart."""
    name = started.strftime("%Y-%m-%d_%H-%M-%S")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, _MOST_OF_A_SECOND):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
    except OSError as error:
        raise TakeError(f"no take can be kept in {parent}: {error.strerror}") from error
    raise TakeError(f"no take can be kept in {parent}: it has {_MOST_OF_A_SECOND} of {name} already")


def find_take(name: str | None, parent: Path | None = None) -> Path:
    """Return the folder of a take.

    Parameters
    ----------
    name : str or None
        Its name or its path; the path of a folder of takes, or None, means the newest there.
    parent : Path, optional
        Where takes are kept, if not in the usual place.

    Raises
    ------
    TakeError
        If there is none.
    """
    parent = takes_folder() if parent is None else parent
    if name is None:
        return _newest(parent)
    for path in (parent / name, Path(name)):
        if (path / LOG_FILE).is_file():
            return path
        if path.name == LOG_FILE and path.is_file():
            return path.parent
    if Path(name).is_dir():
        return _newest(Path(name))
    raise TakeError(f"there is no take {name!r}: `livegen takes` lists those in {parent}")


def _newest(parent: Path) -> Path:
    folders = take_folders(parent)
    if not folders:
        raise TakeError(f"there is no take in {parent}: `livegen jam` records one")
    return folders[-1]


def take_folders(parent: Path) -> list[Path]:
    """Return the folders of the takes in a folder, the oldest first."""
    try:
        folders = [log.parent for log in parent.glob(f"*/{LOG_FILE}") if not log.parent.is_symlink()]
        return sorted(folders, key=lambda folder: ((folder / LOG_FILE).stat().st_mtime_ns, folder.name))
    except OSError as error:
        raise TakeError(f"{parent} cannot be read: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Listed:
    """A take in the list.

    Attributes
    ----------
    folder : Path
    n_bytes : int
        Of all its files.
    is_running : bool
    is_whole : bool
        Whether the jam was ended by the performer and not cut off.
    head : Head or None
        None if the log cannot be read; `trouble` then says why.
    played : End or None
    trouble : str
    """

    folder: Path
    n_bytes: int
    is_running: bool
    is_whole: bool = False
    head: Head | None = None
    played: End | None = None
    trouble: str = ""


def look_at(folder: Path) -> Listed:
    """Return what the list shows of a take. If the take was ended cleanly, only its first and last lines are read."""
    n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    is_running = is_being_written(folder)
    try:
        take = Take(folder)
        end = take.end()
        played = summary_of(take.records()) if end is None else end
    except TakeError as error:
        return Listed(folder, n_bytes, is_running, trouble=str(error))
    return Listed(folder, n_bytes, is_running, end is not None, take.head, played)


def is_being_written(folder: Path) -> bool:
    """Tell whether a jam is still writing a take."""
    try:
        with (folder / LOG_FILE).open("rb") as file:
            return not lock(file.fileno())
    except OSError:
        return False


def prune(
    parent: Path, *, keep: int | None = None, older_than_days: float | None = None, max_bytes: int | None = None
) -> list[Path]:
    """Remove old takes, and return their folders; one that is being written stays.

    Parameters
    ----------
    parent : Path
        Where they are kept.
    keep : int, optional
        Only this many of the newest stay.
    older_than_days : float, optional
        Only those that were written to in the last `older_than_days` days stay.
    max_bytes : int, optional
        Only the newest that together fit into this many bytes stay.

    Raises
    ------
    TakeError
        If one cannot be removed.
    """
    removed, room, now = [], max_bytes, time.time()
    for n_newer, folder in enumerate(reversed(take_folders(parent))):
        n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        age_days = (now - (folder / LOG_FILE).stat().st_mtime) / _DAY_SECONDS
        room = None if room is None else room - n_bytes
        is_old = older_than_days is not None and age_days > older_than_days
        is_over = (keep is not None and n_newer >= keep) or (room is not None and room < 0)
        if (is_old or is_over) and not is_being_written(folder):
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise TakeError(f"{folder} cannot be removed: {error.strerror}") from error
            removed.append(folder)
    return removed
