"""The folders of livegen's own files and of the user's.

Patches and models are folders beside the package in a checkout, and inside it once it is installed.
"""

import os
from pathlib import Path

import platformdirs

from livegen.errors import CheckpointError

_PACKAGE = Path(__file__).parent.parent


def patches_folder() -> Path:
    """Return the folder of the patches that livegen ships."""
    return _shipped("patches")


def models_folder() -> Path:
    """Return the folder of the models that livegen ships, one folder each."""
    return _shipped("models")


def shipped_models() -> list[str]:
    """Return the names of the models that livegen ships, sorted."""
    return sorted(path.name for path in models_folder().glob("*") if path.is_dir())


def model_folder(name: str) -> Path:
    """Return the folder of a model, given its name or the path of the folder; raises CheckpointError."""
    folder = models_folder() / name
    if "/" not in name and "\\" not in name and folder.is_dir():
        return folder
    if Path(name).is_dir():
        return Path(name)
    there = ", ".join(shipped_models()) or "none"
    raise CheckpointError(f"there is no model {name!r}: there is {there}, or give the path of a model's folder")


def user_data_folder() -> Path:
    """Return the folder of what the user makes, such as takes; it need not exist yet.

    ``LIVEGEN_DATA_DIR`` in the environment names another one.
    """
    return Path(os.environ.get("LIVEGEN_DATA_DIR") or platformdirs.user_data_dir("livegen", appauthor=False))


def user_config_folder() -> Path:
    """Return the folder of what the user has set; it need not exist yet.

    ``LIVEGEN_CONFIG_DIR`` in the environment names another one.
    """
    return Path(os.environ.get("LIVEGEN_CONFIG_DIR") or platformdirs.user_config_dir("livegen", appauthor=False))


def cache_folder() -> Path:
    """Return the folder of what can be made anew; it need not exist yet.

    ``LIVEGEN_CACHE_DIR`` in the environment names another one.
    """
    return Path(os.environ.get("LIVEGEN_CACHE_DIR") or platformdirs.user_cache_dir("livegen", appauthor=False))


def rigs_folder() -> Path:
    """Return the folder of the user's rigs; it need not exist yet."""
    return user_config_folder() / "rigs"


def _shipped(name: str) -> Path:
    is_installed = (_PACKAGE / "patches").is_dir()
    return (_PACKAGE if is_installed else _PACKAGE.parent) / name
