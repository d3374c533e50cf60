"""Commands for takes: replay, takes."""

import contextlib
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from livegen.cli.leave import leave_on_signals
from livegen.cli.options import Channels, ChannelsOption, Json, load_models
from livegen.cli.output import err, out, print_json, printable, progress_bar, say
from livegen.controls import SAME
from livegen.engines.cast import Cast
from livegen.errors import CheckpointError, FormatError, TakeError
from livegen.system.resources import model_folder
from livegen.voices import Voice

_EXIT_DIFFERENT: Final = 1
_MIB: Final = 1 << 20

TakesFolder = Annotated[Path | None, typer.Option("--take", metavar="DIR", help="Folder of takes, else the usual one.")]


def replay(
    take: Annotated[
        str | None, typer.Argument(metavar="TAKE", help="A take's name (`livegen takes`) or folder, else the newest.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only see whether it comes out the same again.")] = False,
    out_files: Annotated[
        list[Path] | None,
        typer.Option("--out", metavar="FILE", help="Write a file instead, by its ending, as render does; repeatable."),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="WHERE", help="Begin at a frame (240) or after seconds (10s).")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="WHERE", help="End before a frame or a time.")] = None,
    model: Annotated[str | None, typer.Option(help="With --check: the model, if not the take's own.")] = None,
    audio: Annotated[str | None, typer.Option(help="Audio device or host API, or null.")] = None,
    rate: Annotated[int | None, typer.Option(min=8000, max=192000, help="Sample rate in Hz of --out.")] = None,
    audio_channels: ChannelsOption = Channels.MIX,
    folder: TakesFolder = None,
    as_json: Json = False,
) -> None:
    """Play a take again, write it to files, or check that it comes out the same.

    Example: [bold]livegen replay --out verse.wav --out verse.mid --from 30s --to 45s[/bold]
    """
    from livegen.takes.library import find_take
    from livegen.takes.take import Take

    opened = Take(find_take(take, folder))
    first, end = (None if where is None else _frame_of(where) for where in (from_, to))
    if check:
        _check(opened, model, as_json)
    elif out_files:
        _write(opened, out_files, first or 0, end, rate, is_apart=audio_channels is Channels.VOICES)
    else:
        _play(opened, first or 0, end, audio)


def takes(
    prune: Annotated[bool, typer.Option("--prune", help="Remove takes, asking nothing, by the next three.")] = False,
    keep: Annotated[int | None, typer.Option(min=0, help="With --prune: keep only the newest so many.")] = None,
    older_than: Annotated[
        float | None, typer.Option(min=0, metavar="DAYS", help="With --prune: remove what is older.")
    ] = None,
    max_size: Annotated[
        float | None, typer.Option(min=0, metavar="MB", help="With --prune: keep the newest that fit into this.")
    ] = None,
    folder: TakesFolder = None,
    as_json: Json = False,
) -> None:
    """List the takes, the newest first, or clear old ones away.

    Example: [bold]livegen takes --prune --keep 20[/bold]
    """
    from livegen.takes.library import look_at, take_folders, takes_folder
    from livegen.takes.library import prune as prune_takes

    parent = takes_folder() if folder is None else folder
    limits = {"--keep": keep, "--older-than": older_than, "--max-size": max_size}
    given = [name for name, limit in limits.items() if limit is not None]
    if prune and not given:
        raise TakeError("--prune needs to know what may go: --keep N, --older-than DAYS or --max-size MB")
    if given and not prune:
        raise TakeError(f"{given[0]} means nothing without --prune: add it, or leave {given[0]} out")
    if prune:
        max_bytes = None if max_size is None else round(max_size * _MIB)
        removed = prune_takes(parent, keep=keep, older_than_days=older_than, max_bytes=max_bytes)
        if as_json:
            print_json({"removed": [str(path) for path in removed]})
        for path in [] if as_json else removed:
            out.print(f"removed {path}", highlight=False, markup=False, soft_wrap=True)
        if not removed and not as_json:
            out.print("nothing to remove")
        return
    listed = [look_at(path) for path in reversed(take_folders(parent))]
    if as_json:
        print_json({"folder": str(parent), "takes": [_as_json(take) for take in listed]})
        return
    table = Table(
        "take", "length", "model", "patch", "events", "notes P1 P2 TR NO", "MB", "", box=None, header_style="bold"
    )
    for take in listed:
        table.add_row(*_row(take))
    out.print(table)
    out.print(f"in {parent}", style="dim", markup=False, highlight=False, soft_wrap=True)


def _row(take: Any) -> list[str]:
    from livegen.units import frame_to_seconds

    size = f"{take.n_bytes / _MIB:.1f}"
    if take.head is None or take.played is None:
        return [take.folder.name, "", "", "", "", "", size, printable(take.trouble)]
    played = take.played
    state = "running" if take.is_running else "" if take.is_whole else "cut off"
    minutes, seconds = divmod(round(frame_to_seconds(played.n_frames)), 60)
    notes = " ".join(map(str, played.n_notes))
    names = (printable(take.head.model["name"]), printable(take.head.patch["name"]))
    return [take.folder.name, f"{minutes}:{seconds:02}", *names, str(played.n_events), notes, size, state]


def _as_json(take: Any) -> dict[str, Any]:
    from livegen.units import frame_to_seconds

    told: dict[str, Any] = {"name": take.folder.name, "folder": str(take.folder), "bytes": take.n_bytes}
    if take.head is None or take.played is None:
        return told | {"trouble": take.trouble}
    played = take.played
    return told | {
        "started": take.head.started,
        "seconds": frame_to_seconds(played.n_frames),
        "model": take.head.model["name"],
        "patch": take.head.patch["name"],
        "events": played.n_events,
        "notes": dict(zip(("p1", "p2", "tr", "no"), played.n_notes, strict=True)),
        "is_running": take.is_running,
        "is_whole": take.is_whole,
    }


def _check(take: Any, model: str | None, as_json: bool) -> None:
    from livegen.engines.checkpoint import load_engine
    from livegen.engines.protocol import Engine
    from livegen.takes.library import model_hash, versions
    from livegen.takes.records import Loaded
    from livegen.takes.replay import check, other_model, warnings_of
    from livegen.units import frame_to_seconds

    said: list[str] = []

    def note(sentences: list[str]) -> None:
        said.extend(sentences)
        for sentence in sentences:
            say(f"note: {sentence}", style="yellow")

    def load(loaded: Loaded) -> Engine:
        folder = _folder_of_model(loaded.name, loaded.folder)
        note(other_model(loaded.name, loaded.sha256, model_hash(folder)))
        return load_engine(folder)

    if model is None:
        folder = _folder_of_model(take.head.model["name"], take.head.model["folder"], ", or give --model")
    else:
        folder = model_folder(model)
    note(warnings_of(take.head, versions(), model_hash(folder)))
    own = {}
    for voice, played in take.head.voice_models.items():
        own[voice] = str(_folder_of_model(played["name"], played["folder"]))
        note(other_model(played["name"], played["sha256"], model_hash(Path(own[voice]))))
    engine = load_models(Cast(str(folder), tuple(own.get(voice.name.lower(), SAME) for voice in Voice)))
    engine.warm_up()
    end = take.end()
    with progress_bar() as progress:
        task = progress.add_task("checking", total=None if end is None else end.n_frames)
        outcome = check(take, engine, load=load, on_frame=lambda n: progress.update(task, completed=n))
    seconds = frame_to_seconds(outcome.n_frames)
    if as_json:
        print_json(
            {"frames": outcome.n_frames, "is_same": outcome.is_same, "difference": outcome.difference, "notes": said}
            | {"missing_calls": outcome.n_missing}
        )
    elif outcome.is_same:
        gap = f"; after them {outcome.n_missing} were lost to a slow disk" if outcome.n_missing else ""
        out.print(f"identical: {outcome.n_frames} frames, {seconds:.1f} s{gap}", highlight=False, soft_wrap=True)
    else:
        say(f"livegen: the take comes out otherwise: {outcome.difference}", style="red")
    if not outcome.is_same:
        raise typer.Exit(_EXIT_DIFFERENT)


def _folder_of_model(name: str, folder: str, cure: str = "") -> Path:
    """Return the folder of a model that played: the model of its name, or else the folder where it was."""
    for text in (name, folder):
        with contextlib.suppress(CheckpointError, OSError, ValueError):
            return model_folder(text)
    raise CheckpointError(
        f"the take was played by the model {printable(name)!r}, which is not here: put it back into "
        f"{printable(folder)}{cure}"
    )


def _write(take: Any, paths: list[Path], first: int, end: int | None, rate: int | None, *, is_apart: bool) -> None:
    from livegen.offline.playback import write_recording
    from livegen.offline.render import check_output
    from livegen.units import frame_to_seconds

    for path in paths:
        check_output(path)
    recording = _recording(take, first, end)
    n_frames = len(recording.frames) - first
    with progress_bar() as progress:
        task = progress.add_task("writing", total=n_frames * len(paths))
        for path in paths:
            write_recording(
                recording, path, first, rate=rate, is_apart=is_apart, on_frame=lambda: progress.advance(task)
            )
    for path in paths:
        err.print(f"wrote {path}: {frame_to_seconds(n_frames):.1f} s", highlight=False, markup=False, soft_wrap=True)


def _play(take: Any, first: int, end: int | None, audio: str | None) -> None:
    from livegen.outputs.devices import NULL_SAMPLE_RATE, choose_channels
    from livegen.outputs.native import warm_up
    from livegen.patch import load_patch
    from livegen.session.sound.card import open_card
    from livegen.session.take_player import play_live

    recording = _recording(take, first, end)
    leave = leave_on_signals()
    with open_card(audio) as opened, progress_bar() as progress:
        warm_up(load_patch("plain"))  # any patch will do; nothing is compiled while it plays
        card = opened if opened is not None and opened.begin() else None
        device = None if card is None else card.device
        task = progress.add_task("playing", total=len(recording.frames), completed=first)
        play_live(
            recording,
            card,
            NULL_SAMPLE_RATE if device is None else device.sample_rate,
            leave.wait,
            n_channels=choose_channels(device, is_apart=False),
            first=first,
            on_frame=lambda frame_index: progress.update(task, completed=frame_index),
        )


def _recording(take: Any, first: int, end: int | None) -> Any:
    """Return the recording of a take before `end`; raises TakeError if it has nothing from `first` on."""
    from livegen.takes.recording import read_recording

    recording = read_recording(take, end)
    if first >= len(recording.frames):
        there = f"the take has {len(recording.frames)} frames up to there"
        raise TakeError(f"there is nothing to play from frame {first} on: {there}")
    return recording


def _frame_of(where: str) -> int:
    """Return the frame that ``240`` (a frame) or ``10s`` (seconds) means; raises FormatError."""
    from livegen.units import seconds_to_frame

    try:
        frame = seconds_to_frame(float(where[:-1])) if where.endswith("s") else int(where)
    except (ValueError, OverflowError):
        frame = -1
    if frame < 0:
        raise FormatError(f"{where!r} is no place in a take: write a frame, as 240, or seconds, as 10s")
    return frame
