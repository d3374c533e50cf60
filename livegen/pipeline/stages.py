"""The stages that a `dvc.yaml` describes: that part of DVC's format that `livegen pipeline` understands.

https://dvc.org/doc/user-guide/project-structure/dvcyaml-files: stages with a command, dependencies, parameters, outputs
and metrics; `foreach`, over a table or a list; and `${name}` in all of these, from the files under `vars`.
In a command a table stands for options: ``{seed = 4, strict = true}`` for ``--seed 4 --strict``. What else DVC knows is
refused, so that the two never mean different things by the same file.
"""

import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from livegen.errors import PipelineError
from livegen.formats.files import read_bytes

_MOST_BYTES: Final = 2**20
_REFERENCE: Final = re.compile(r"\$\{([^}]*)\}")
_OUTPUTS: Final = ("outs", "metrics", "plots")
_STAGE_KEYS: Final = ("cmd", "desc", "deps", "params", *_OUTPUTS)
_OUTPUT_KEYS: Final = ("cache", "desc", "push")


@dataclass(frozen=True)
class Stage:
    """A stage.

    Attributes
    ----------
    name : str
        Of one that comes of `foreach`, ``train@lstm``.
    command : str
        For the shell, in the folder of the file.
    dependencies, outputs : tuple of str
        Paths, from the folder of the file on, sorted.
    parameters : mapping
        By file, the values that it depends on, by name: dots lead into tables.
    """

    name: str
    command: str
    dependencies: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, Any]]


def read_stages(path: Path) -> dict[str, Stage]:
    """Return the stages of a file by name, each after those whose outputs it depends on.

    Raises
    ------
    PipelineError
        If the file, or one of parameters, cannot be read, or says something that is not understood; if two stages have
        the same output, or stages depend on each other in a circle.
    FormatError
        If a file cannot be read.
    """
    table = _table(_read_yaml(path), path.name)
    _refuse_others(table, ("vars", "stages"), path.name)
    names: dict[str, Any] = {}
    for name in _list(table.get("vars", []), f"vars of {path.name}"):
        if not isinstance(name, str):
            raise PipelineError(f"{path.name} has {name!r} under vars: allowed are names of TOML files")
        names |= _read_toml(path.parent / name)
    found: dict[str, Stage] = {}
    for name, about in _table(table.get("stages", {}), f"stages of {path.name}").items():
        for stage in _stages(name, _table(about, f"stage {name}"), names, path.parent):
            found[stage.name] = stage
    return _in_order(found)


def makers(stages: Mapping[str, Stage]) -> dict[str, list[str]]:
    """Return, for each stage, the names of those whose outputs it depends on."""
    return {
        name: [
            other.name
            for other in stages.values()
            if any(_is_within(path, out) for path in stage.dependencies for out in other.outputs)
        ]
        for name, stage in stages.items()
    }


def _is_within(path: str, other: str) -> bool:
    """Tell whether one of two paths is the other, or lies in it."""
    one, two = Path(path).parts, Path(other).parts
    n = min(len(one), len(two))
    return one[:n] == two[:n]


def _in_order(stages: dict[str, Stage]) -> dict[str, Stage]:
    before = makers(stages)
    done: dict[str, Stage] = {}
    owner: dict[str, str] = {}
    for stage in stages.values():
        for out in stage.outputs:
            if out in owner:
                raise PipelineError(f"{out} is an output of {owner[out]} and of {stage.name}: it can be of one alone")
            owner[out] = stage.name

    def visit(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            raise PipelineError(f"stages depend on each other in a circle: {' -> '.join((*way, name))}")
        for other in before[name]:
            visit(other, (*way, name))
        done[name] = stages[name]

    for name in stages:
        visit(name, ())
    return done


def _stages(name: str, about: Mapping[str, Any], names: Mapping[str, Any], folder: Path) -> Iterator[Stage]:
    if "foreach" not in about:
        yield _stage(name, about, names, folder)
        return
    _refuse_others(about, ("foreach", "do"), f"stage {name}")
    over = _resolved(about["foreach"], names, f"foreach of {name}")
    each = (
        over.items() if isinstance(over, Mapping) else ((str(item), item) for item in _list(over, f"foreach of {name}"))
    )
    for key, item in each:
        more = {"item": item, "key": key} if isinstance(over, Mapping) else {"item": item}
        yield _stage(f"{name}@{key}", _table(about.get("do"), f"do of {name}"), {**names, **more}, folder)


def _stage(name: str, about: Mapping[str, Any], names: Mapping[str, Any], folder: Path) -> Stage:
    _refuse_others(about, _STAGE_KEYS, f"stage {name}")
    command = about.get("cmd")
    if not isinstance(command, str) or not command:
        raise PipelineError(f"stage {name} has the cmd {command!r}: allowed is one command, as text")
    where = f"stage {name}"
    return Stage(
        name,
        _filled(command, names, where, _as_options),
        tuple(sorted(_paths(about.get("deps", []), names, where))),
        tuple(sorted(path for kind in _OUTPUTS for path in _paths(about.get(kind, []), names, where))),
        _parameters(about.get("params", []), names, where, folder),
    )


def _paths(entries: Any, names: Mapping[str, Any], where: str) -> Iterator[str]:
    for entry in _list(entries, where):
        if isinstance(entry, Mapping) and len(entry) == 1:
            ((entry, options),) = entry.items()
            _refuse_others(_table(options, f"{entry} of {where}"), _OUTPUT_KEYS, f"{entry} of {where}")
        if not isinstance(entry, str):
            raise PipelineError(f"{where} has the path {entry!r}: allowed is text")
        yield _filled(entry, names, where)


def _parameters(entries: Any, names: Mapping[str, Any], where: str, folder: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for entry in _list(entries, where):
        if not isinstance(entry, Mapping) or len(entry) != 1:
            raise PipelineError(f"{where} has the parameter {entry!r}: name the file, as in params.toml: [seed]")
        ((file, keys),) = entry.items()
        values = _read_toml(folder / file)
        wanted = [_filled(key, names, where) for key in _list(keys, where)]
        found[file] = {key: _looked_up(key, values, f"{file}, for {where}") for key in sorted(wanted)}
    return dict(sorted(found.items()))


def _resolved(value: Any, names: Mapping[str, Any], where: str) -> Any:
    """Return what a whole value such as ``${models}`` stands for, or the value itself."""
    match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return value if match is None else _looked_up(match[1], names, where)


def _filled(text: str, names: Mapping[str, Any], where: str, table: Callable[[Any, str], str] | None = None) -> str:
    """Return a text with what its references stand for; tables are allowed if there is a function that writes them."""

    def value_of(match: re.Match[str]) -> str:
        value = _looked_up(match[1], names, where)
        if isinstance(value, Mapping) and table is not None:
            return table(value, where)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str | int | float):
            return str(value)
        raise PipelineError(f"{where} has ${{{match[1]}}}, a {type(value).__name__}: allowed are text and numbers")

    return _REFERENCE.sub(value_of, text)


def _as_options(table: Mapping[str, Any], where: str) -> str:
    options = []
    for name, value in table.items():
        if isinstance(value, bool):
            options += [f"--{name}"] if value else []
        elif isinstance(value, str):
            options.append(f"--{name} {shlex.quote(value)}")
        elif isinstance(value, int | float):
            options.append(f"--{name} {value}")
        else:
            raise PipelineError(f"{where} has the option {name} = {value!r}: allowed are text, numbers, true and false")
    return " ".join(options)


def _looked_up(name: str, names: Mapping[str, Any], where: str) -> Any:
    value: Any = names
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise PipelineError(f"there is no {name} in {where}: say it there, or correct the name")
        value = value[part]
    return value


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_bytes(path, _MOST_BYTES).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise PipelineError(f"{path} is no TOML: {error}") from error


def _read_yaml(path: Path) -> Any:
    return parse_yaml(read_bytes(path, _MOST_BYTES), path)


def parse_yaml(data: bytes, path: Path) -> Any:
    """Return what a file of YAML says; raises PipelineError if it is none, or PyYAML is not there."""
    yaml = import_yaml()
    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise PipelineError(f"{path} is no YAML: {' '.join(str(error).split())}") from error


def import_yaml() -> Any:
    """Return PyYAML, which the extra `train` brings; raises PipelineError."""
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise PipelineError("the pipeline needs PyYAML: pip install 'livegen[train]'") from error
    return yaml


def _refuse_others(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in table:
        if name not in known:
            raise PipelineError(f"{where} has {name!r}, which only DVC knows: use dvc repro, or {', '.join(known)}")


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PipelineError(f"{where} is {value!r}: it must be a table")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise PipelineError(f"{where} has {value!r}: it must be a list")
    return value
