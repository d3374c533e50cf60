"""Runs the stages of a pipeline, each only when something that it depends on has changed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from livegen.errors import PipelineError
from livegen.pipeline.lock import difference, entry_of, is_missing, read_lock, write_lock
from livegen.pipeline.stages import Stage, makers, read_stages


def run_pipeline(
    path: Path,
    targets: Collection[str] = (),
    *,
    is_dry: bool = False,
    is_forced: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Run the stages of a file that have to run, in order, each in a shell, in the folder of the file.

    A stage has to run if its command, a parameter, a dependency or an output is not as it was when it last ran. Its
    outputs are deleted before it runs, and it is noted in ``dvc.lock`` when it has run. The programs beside this Python
    come first on its path, so that `livegen` is this one.

    Parameters
    ----------
    path : Path
        A ``dvc.yaml``.
    targets : collection of str
        Names of the stages to run, with those that they depend on; ``train`` is every ``train@...``. None means all.
    is_dry : bool
        Whether only to say what would run.
    is_forced : bool
        Whether the targets run though nothing has changed.
    say : callable
        Is told in a sentence of each stage.

    Returns
    -------
    list of str
        The names of the stages that ran, or that would run for sure or perhaps.

    Raises
    ------
    PipelineError
        If the file says something that is not understood, there is no such stage, or one fails or does not make what it
        should.
    FormatError
        If a file cannot be read or written.
    """
    folder = path.absolute().parent
    stages = read_stages(path)
    named = _named(targets, stages)
    before = makers(stages)
    wanted = _with_makers(named, before)
    ran: list[str] = []
    for name in (name for name in stages if name in wanted):
        stage = stages[name]
        why = "it was asked for" if is_forced and name in named else None
        lock = read_lock(folder)
        why = why or difference(entry_of(stage, folder), lock.get(name))
        after = [other for other in before[name] if other in ran]
        if is_dry and after:
            say(f"{name}: may run, after {', '.join(after)}: {stage.command}")
        elif why is None:
            say(f"{name}: nothing has changed")
            continue
        elif is_dry:
            say(f"{name}: would run, for {why}: {stage.command}")
        else:
            say(f"{name}: runs, for {why}: {stage.command}")
            _run(stage, folder)
            write_lock(folder, {**lock, name: entry_of(stage, folder)})
        ran.append(name)
    return ran


def _named(targets: Collection[str], stages: Mapping[str, Stage]) -> set[str]:
    found: set[str] = set()
    for target in targets:
        of_target = {name for name in stages if name == target or name.partition("@")[0] == target}
        if not of_target:
            raise PipelineError(f"there is no stage {target!r}: there is {', '.join(stages) or 'none'}")
        found |= of_target
    return found or set(stages)


def _with_makers(named: Collection[str], before: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    left = list(named)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += before[name]
    return found


def _run(stage: Stage, folder: Path) -> None:
    for entry in entry_of(stage, folder).get("deps", []):
        if is_missing(entry):
            cure = f"put it there, or name another in {' or '.join(stage.parameters) or 'dvc.yaml'}"
            raise PipelineError(f"stage {stage.name} needs {entry['path']}, which is not there: {cure}")
    for path in stage.outputs:
        _remove(folder / path)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": programs}
    code = subprocess.run(stage.command, shell=True, cwd=folder, env=environment, check=False).returncode
    if code:
        raise PipelineError(f"stage {stage.name} failed with exit code {code}: what it said is above")
    for path in stage.outputs:
        if not (folder / path).exists():
            raise PipelineError(f"stage {stage.name} has not made {path}, which dvc.yaml says is an output of it")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
