"""`dvc.lock`: with which command, parameters, files and outputs each stage last ran, in DVC's own format.

So DVC and `livegen pipeline` know what the other has done. Files are known by their MD5, a folder by that of the list
of its files, and an address by what its server calls the version of its file:
https://dvc.org/doc/user-guide/project-structure/internal-files. That tells versions apart, and no forgeries.
"""

import hashlib
import http.client
import json
import os
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from livegen.errors import PipelineError
from livegen.formats.files import atomic_path, read_bytes
from livegen.pipeline.fetch import PATIENCE_SECONDS, is_address
from livegen.pipeline.stages import Stage, import_yaml, parse_yaml

LOCK_FILE: Final = "dvc.lock"
_SCHEMA: Final = "2.0"
_MOST_BYTES: Final = 2**26
_EXECUTABLE: Final = 0o111
_NOT_HASHED: Final = frozenset({".git", ".hg", ".dvc"})
"""Folders that DVC passes over."""


def read_lock(folder: Path) -> dict[str, Any]:
    """Return the entries of the stages that ran, by name; empty if there is no file.

    Raises
    ------
    PipelineError, FormatError
        If the file is damaged, or of another version.
    """
    path = folder / LOCK_FILE
    if not path.exists():
        return {}
    found = parse_yaml(read_bytes(path, _MOST_BYTES), path)
    stages = found.get("stages", {}) if isinstance(found, dict) and found.get("schema") == _SCHEMA else None
    if not isinstance(stages, dict):
        raise PipelineError(f"{path} is damaged, or not of schema {_SCHEMA}: delete it, and all stages run anew")
    return stages


def write_lock(folder: Path, entries: Mapping[str, Any]) -> None:
    """Write the entries of all stages; raises FormatError if they cannot be written."""
    with atomic_path(folder / LOCK_FILE) as partial:
        text = import_yaml().safe_dump(
            {"schema": _SCHEMA, "stages": dict(entries)}, sort_keys=False, allow_unicode=True
        )
        partial.write_text(text, "utf-8")


def entry_of(stage: Stage, folder: Path) -> dict[str, Any]:
    """Return the entry of a stage as all now is; what is not there has a path and nothing else."""
    entry: dict[str, Any] = {"cmd": stage.command}
    if stage.dependencies:
        entry["deps"] = [_entry_of(path, folder) for path in stage.dependencies]
    if stage.parameters:
        entry["params"] = {file: dict(values) for file, values in stage.parameters.items()}
    if stage.outputs:
        entry["outs"] = [_entry_of(path, folder) for path in stage.outputs]
    return entry


def difference(now: Mapping[str, Any], before: Mapping[str, Any] | None) -> str | None:
    """Return in some words how a stage's entry differs from that of when it ran; None if it does not."""
    if not isinstance(before, Mapping):
        return "it has not run yet"
    for file, values in now.get("params", {}).items():
        known = before.get("params", {}).get(file, {})
        for key, value in values.items():
            if key not in known or value != known[key]:
                return f"{key} of {file} has changed"
    if now["cmd"] != before.get("cmd"):
        return "its command has changed"
    for name, word in (("deps", "changed"), ("outs", "not what it made")):
        paths = {entry["path"]: entry for entry in before.get(name, [])}
        for entry in now.get(name, []):
            if is_missing(entry):
                return f"{entry['path']} is not there"
            if entry != paths.get(entry["path"]):
                return f"{entry['path']} is {word}" if entry["path"] in paths else f"{entry['path']} is new"
        if len(paths) != len(now.get(name, [])):
            return f"it has fewer {name} than before"
    return None


def is_missing(entry: Mapping[str, Any]) -> bool:
    """Tell whether what an entry is of is not there."""
    return set(entry) == {"path"}


def _entry_of(path: str, folder: Path) -> dict[str, Any]:
    place = folder / path
    entry: dict[str, Any] = {"path": path}
    if is_address(path):
        entry |= {"hash": "md5", **_version_at(path)}
    elif place.is_dir():
        files = _files(place)
        hashed = [{"md5": _md5(file), "relpath": file.relative_to(place).as_posix()} for file in files]
        in_order = sorted(hashed, key=lambda of_file: of_file["relpath"])
        listed = json.dumps(in_order, sort_keys=True).encode()
        size = sum(file.stat().st_size for file in files)
        digest = f"{hashlib.md5(listed, usedforsecurity=False).hexdigest()}.dir"
        entry |= {"hash": "md5", "md5": digest, "size": size, "nfiles": len(files)}
    elif place.is_file():
        about = place.stat()
        entry |= {"hash": "md5", "md5": _md5(place), "size": about.st_size}
        if about.st_mode & _EXECUTABLE:
            entry["isexec"] = True
    return entry


def _version_at(address: str) -> dict[str, Any]:
    """Return what a server says of a file: its version, and its size where it says that."""
    try:
        ask = urllib.request.Request(address, method="HEAD", headers={"Accept-Encoding": "identity"})
        with urllib.request.urlopen(ask, timeout=PATIENCE_SECONDS) as answer:
            version = answer.headers.get("ETag") or answer.headers.get("Content-MD5")
            size = answer.headers.get("Content-Length")
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise PipelineError(f"nobody says of which version {address} is: {error}") from error
    if version is None:
        raise PipelineError(
            f"the server of {address} does not say of which version it is: fetch it by hand, and give its path"
        )
    return {"checksum": version} | ({} if size is None else {"size": int(size)})


def _files(folder: Path) -> list[Path]:
    found = []
    for where, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name not in _NOT_HASHED]
        found += [Path(where) / name for name in files]
    return found


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
