"""Files of latents: places in the space of a model, one after another, as .npz or .json."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.errors import FormatError
from livegen.formats.files import atomic_path, read_bytes

LATENT_ENDINGS: Final = (".npz", ".json")
_MAX_BYTES: Final = 16 * 2**20
MAX_PLACES: Final = 10_000
"""A file of latents holds so many at most."""

_MAX_LATENTS: Final = 4096
_LARGEST: Final = 1e4
_MAX_WORD: Final = 200


@dataclass(frozen=True, slots=True)
class Latents:
    """Places, and whose they are.

    Attributes
    ----------
    z : ndarray of float32, shape (n, n_latents)
    names : tuple of str
        Names of the first latents, which belong to the model.
    model : str
        Name of the model.
    bpm : float
        Tempo of the music that they were made of, in beats a minute; 0 where there was none.
    """

    z: NDArray[np.float32]
    names: tuple[str, ...]
    model: str
    bpm: float = 0.0


def is_latents(path: Path) -> bool:
    """Tell whether a file holds latents: a .json does, and an .npz with an array named z."""
    if path.suffix.lower() == ".json":
        return True
    if path.suffix.lower() != ".npz":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "z.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def write_latents(path: Path, latents: Latents) -> None:
    """Write latents to an .npz or, as text that can be edited, a .json; raises FormatError."""
    about = {"model": latents.model, "latents": list(latents.names), "bpm": latents.bpm}
    with atomic_path(path) as partial:
        if path.suffix.lower() == ".json":
            rows = ",\n".join("  " + json.dumps([round(float(x), 4) for x in row]) for row in latents.z)
            head = json.dumps(about, indent=1)[:-2]
            partial.write_text(f'{head},\n "z": [\n{rows}\n ]\n}}\n', "utf-8")
        elif path.suffix.lower() == ".npz":
            with partial.open("wb") as file:
                np.savez_compressed(file, z=np.asarray(latents.z, np.float32), about=json.dumps(about))
        else:
            raise FormatError(f"{path.name} is no file of latents by its name: it must end in .npz or .json")


def read_latents(path: Path) -> Latents:
    """Read a file of latents; raises FormatError if it is damaged or none."""
    data = read_bytes(path, _MAX_BYTES)
    try:
        if path.suffix.lower() == ".json":
            about: Any = json.loads(data)
            z = np.array(about["z"], np.float32)
        else:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if sum(member.file_size for member in archive.infolist()) > 4 * _MAX_BYTES:
                    raise FormatError(f"{path.name} unpacks to more than any file of latents")
            with np.load(io.BytesIO(data), allow_pickle=False) as npz:
                z, about = np.asarray(npz["z"], np.float32), json.loads(str(npz["about"]))
        names, model, bpm = tuple(map(str, about["latents"])), str(about["model"])[:_MAX_WORD], float(about["bpm"])
    except FormatError:
        raise
    except Exception as error:  # what NumPy, zipfile and json raise on broken bytes has no common base
        raise FormatError(
            f"{path.name} is no file of latents, or it is damaged: write it with latent encode"
        ) from error
    if z.ndim != 2 or not 1 <= len(z) <= MAX_PLACES or not 1 <= z.shape[1] <= _MAX_LATENTS:
        raise FormatError(f"{path.name} has latents of the shape {z.shape}: it must be (places, latents)")
    if not (np.abs(z) <= _LARGEST).all() or not 0.0 <= bpm <= _LARGEST:
        raise FormatError(f"{path.name} has latents or a tempo that are no usual numbers")
    return Latents(z, names, model, bpm)
