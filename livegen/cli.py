"""The commands. Nothing else in livegen prints; errors become one sentence and an exit code."""

import contextlib
import faulthandler
import json
import os
import secrets
import signal
import sys
import threading
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from livegen import __version__
from livegen.controls import CONTROLS, DEFAULTS, Value, osc_address, parse_value
from livegen.errors import CheckpointError, ControlError, FormatError, LivegenError

EXIT_USAGE: Final = 2
EXIT_OTHER: Final = 1
_INTERRUPTED: Final = 130  # what Typer returns for Ctrl-C
_PATH_SHOWN: Final = 120  # characters
_PATIENCE_SECONDS: Final = 10.0  # with drivers that hang at the end

app = typer.Typer(
    help="Jam live with a neural model that plays a four-voice NES chip.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = Console()
err = Console(stderr=True)


class Channels(StrEnum):
    """What the channels of the sound carry."""

    MIX = "mix"
    VOICES = "voices"


Model = Annotated[str, typer.Option(help="A model's name (`livegen models`) or its folder.")]
PatchOption = Annotated[str, typer.Option("--patch", help="A patch's name (`livegen patches`) or its file.")]
Seed = Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Of all draws; the same seed, the same music.")]

ChannelsOption = Annotated[
    Channels, typer.Option("--audio-channels", help="The mix on every channel, or each voice on its own of four.")
]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a control; repeatable.")]


class BeatGiven(StrEnum):
    """Whether a model is told the beat when it is measured; estimating it looks ahead in the song."""

    NONE = "none"
    ESTIMATED = "estimated"


_DATA_HELP: Final = (
    "Songs: a folder of MIDI files, NES-MDB's folder of pickles or its .tar.gz, an .npz split or a folder of these."
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def main() -> None:
    """Run livegen and leave with 0, 2 for what the user can mend, or 1; no traceback reaches a user."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what is half-written is cleared away
    try:
        code = app(standalone_mode=False)  # None, or the code of a command that was left early
    except LivegenError as error:
        _leave(str(error), EXIT_USAGE)
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except BrokenPipeError:
        sys.exit(EXIT_OTHER)
    except Exception as error:
        if hasattr(error, "format_message"):  # click's usage errors; the one of no command at all has no words
            _leave(error.format_message() or "give one of the commands above", EXIT_USAGE)
        if isinstance(error, OSError) and error.filename is not None:
            _leave(f"{str(error.filename)[:_PATH_SHOWN]} cannot be used: {error.strerror}", EXIT_USAGE)
        _leave(f"something went wrong that should not have ({type(error).__name__}: {error})", EXIT_OTHER)
    if code == _INTERRUPTED:
        _leave("interrupted", EXIT_OTHER)
    sys.exit(code)


def _leave(sentence: str, code: int) -> NoReturn:
    err.print(f"livegen: {_printable(sentence)}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)


def _printable(sentence: str) -> str:
    """Return a sentence in one line, and without whatever a file's name would make a terminal do."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(sentence.splitlines()))


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        out.print(__version__, highlight=False)
        raise typer.Exit


@app.command()
def jam(
    patch: PatchOption = "plain",
    model: Model = "default",
    audio: Annotated[str | None, typer.Option(help="Audio device or host API, or null.")] = None,
    rate: Annotated[int | None, typer.Option(min=8000, max=192000, help="Sample rate in Hz.")] = None,
    block: Annotated[int | None, typer.Option(min=16, max=8192, help="Samples a block.")] = None,
    audio_channels: ChannelsOption = Channels.MIX,
    midi_api: Annotated[str, typer.Option(help="auto, alsa, jack, coremidi, windows or none.")] = "auto",
    midi_in: Annotated[str | None, typer.Option(help="Part of a MIDI input's name.")] = None,
    midi_out: Annotated[str | None, typer.Option(help="Part of a MIDI output's name.")] = None,
    osc_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="UDP port for OSC, else 9124; 0 takes a free one.")
    ] = None,
    osc_host: Annotated[str, typer.Option(help="Address that OSC listens on.")] = "127.0.0.1",
    play: Annotated[Path | None, typer.Option(metavar="FILE.mid", help="Play a MIDI file into the session.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Stop after this long.")] = None,
    seed: Seed = None,
    set_: Set = None,
) -> None:
    """Jam: play a keyboard, the model plays along.

    Example: [bold]livegen jam --midi-in keystation --set temperature=0.9[/bold]
    """
    from livegen.patch import load_patch
    from livegen.screen import Screen
    from livegen.session.session import Session, Settings

    controls = _parse_controls(set_)
    settings = Settings(
        audio=audio,
        is_apart=audio_channels is Channels.VOICES,
        rate=rate,
        block=block,
        midi_api=midi_api,
        midi_in=midi_in,
        midi_out=midi_out,
        osc_host=osc_host,
        osc_port=osc_port,
        play=play,
        seed=secrets.randbits(32) if seed is None else seed,
        controls=controls,
    )
    loaded_patch = load_patch(patch)
    predictor = _load_model(model)
    session = Session(predictor, loaded_patch, settings)
    leave = _leave_on_signals()
    try:
        session.start(leave.set)
        with Screen(session, err, model=predictor.name, patch=loaded_patch.name) as screen:
            while not leave.wait(0.1) and not (seconds is not None and session.seconds() >= seconds):
                screen.update()
    finally:
        with _deadline(_PATIENCE_SECONDS):
            session.stop()
    err.print(session.farewell(), highlight=False, markup=False, soft_wrap=True)


@app.command()
def render(
    out_file: Annotated[Path, typer.Argument(metavar="OUT", help="What to write, by its ending: .wav .flac .mid .npz")],
    seconds: Annotated[float, typer.Option(min=0.1, max=36_000, help="Length.")] = 30.0,
    prompt: Annotated[
        Path | None, typer.Option(metavar="FILE.mid", help="What a performer plays from the start.")
    ] = None,
    patch: PatchOption = "plain",
    model: Model = "default",
    rate: Annotated[int, typer.Option(min=8000, max=192000, help="Sample rate in Hz.")] = 48_000,
    audio_channels: ChannelsOption = Channels.MIX,
    seed: Seed = None,
    set_: Set = None,
) -> None:
    """Render a session offline, the same one that `jam` plays live.

    Example: [bold]livegen render song.wav --seconds 60 --seed 7[/bold]
    """
    from livegen.formats.midi_file import midi_timeline
    from livegen.inputs.midi_file import timeline_events
    from livegen.patch import load_patch
    from livegen.session.instrument import Instrument, compile_all
    from livegen.session.offline import check_output, render_to_file
    from livegen.units import frame_to_seconds, seconds_to_frame

    check_output(out_file)
    events = [] if prompt is None else timeline_events(midi_timeline(prompt))
    loaded_patch = load_patch(patch)
    predictor = _load_model(model)
    compile_all(predictor, loaded_patch)
    instrument = Instrument(
        predictor,
        loaded_patch,
        rate,
        controls=_parse_controls(set_),
        seed=secrets.randbits(32) if seed is None else seed,
        n_channels=1,
        is_apart=audio_channels is Channels.VOICES,
    )
    n_frames = max(seconds_to_frame(seconds), 1)
    with _progress() as progress:
        task = progress.add_task(out_file.name, total=n_frames)
        render_to_file(instrument, out_file, n_frames, events, on_frame=lambda: progress.advance(task))
    err.print(
        f"wrote {out_file}: {frame_to_seconds(n_frames):.1f} s, seed {instrument.state.seed}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


@app.command()
def convert(
    in_file: Annotated[
        Path,
        typer.Argument(metavar="IN", help="What to read: .vgm .vgz, or a score: .mid .npz .exprsco.pkl .seprsco.pkl"),
    ],
    out_file: Annotated[
        Path, typer.Argument(metavar="OUT", help="What to write: .wav .flac out of a VGM file, a score out of a score")
    ],
    rate: Annotated[int | None, typer.Option(min=8000, max=192000, help="Sample rate in Hz, else 48000.")] = None,
    voices: Annotated[
        str | None, typer.Option(metavar="p1,p2,tr,no", help="The voices that sound, else all; dm is $4011's level.")
    ] = None,
    filters: Annotated[
        bool | None, typer.Option("--filters/--no-filters", help="The console's output filters, else on.")
    ] = None,
    mixer: Annotated[str | None, typer.Option(help="nonlinear, the console's, or linear.")] = None,
    loops: Annotated[
        int | None, typer.Option(min=1, max=1000, help="How often a VGM's loop is played, else once.")
    ] = None,
) -> None:
    """Convert a file into one of another kind, by the endings of their names.

    Sound is as loud as jam at volume 1, where the four voices at their loudest just reach full scale.

    Without filters it is the mixer's output as it is, with its constant part.

    Example: [bold]livegen convert song.vgz song.wav --voices p1,tr[/bold]
    """
    from livegen.formats.convert import Options
    from livegen.formats.convert import convert as convert_file

    options = Options(
        rate=rate,
        voices=None if voices is None else tuple(name.strip().lower() for name in voices.split(",")),
        filters=filters,
        mixer=mixer,
        loops=loops,
    )
    with _progress() as progress:
        task = progress.add_task(out_file.name, total=1.0)
        report = convert_file(in_file, out_file, options, progress=lambda done: progress.update(task, completed=done))
    said = ", ".join([f"{report.seconds:.1f} s", *report.remarks])
    err.print(f"wrote {out_file}: {said}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def train(
    data: Annotated[Path, typer.Argument(help=_DATA_HELP)],
    out_folder: Annotated[Path, typer.Argument(metavar="OUT", help="The model's folder.")],
    minutes: Annotated[float, typer.Option(min=0.1, help="How long to train.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Of weights, songs and orders.")] = 0,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint in OUT.")] = False,
) -> None:
    """Train a model (needs the extra `train`).

    Example: [bold]livegen train my-midi-files/ models/mine --minutes 90[/bold]

    On several GPUs or machines: [bold]torchrun --nproc-per-node 2 -m livegen train ...[/bold]
    """
    with _needs_torch():
        from livegen.training.distributed import own_group
        from livegen.training.train import Progress as Report
        from livegen.training.train import Settings
        from livegen.training.train import train as train_model

    with _progress(is_shown=own_group().is_first) as progress:
        task = progress.add_task("training", total=1.0)

        def show(report: Report) -> None:
            what = f"step {report.step} note NLL {report.note_nll:.3f} {report.frames_per_second:.0f} frames/s"
            progress.update(task, completed=report.done, description=what)
            if report.valid_note_nll is not None:
                err.print(f"step {report.step}: valid note NLL {report.valid_note_nll:.4f} nats a frame", markup=False)

        settings = Settings(minutes=minutes, seed=seed)
        train_model(data, out_folder, settings=settings, resume=resume, progress=show, listener=_Reading(progress))


@app.command("eval")
def evaluate(
    data: Annotated[Path, typer.Argument(help=_DATA_HELP)],
    model: Model = "default",
    beat: Annotated[BeatGiven, typer.Option(help="Measure also with the beat given.")] = BeatGiven.NONE,
    free_runs: Annotated[bool, typer.Option("--free-runs", help="Let it play by itself, and judge that too.")] = False,
    as_json: Json = False,
) -> None:
    """Measure a model on songs that it was not trained on (needs the extra `train`).

    Example: [bold]livegen eval nesmdb/ --model default --free-runs[/bold]
    """
    with _needs_torch():
        from livegen.training.evaluate import evaluate as evaluate_model
        from livegen.training.free_run import N_ALL_RUNS, judge_free_runs

    folder = _model_folder(model)
    with _progress() as progress:
        progress.add_task("measuring", total=None)
        reading = _Reading(progress)
        figures = evaluate_model(data, folder, has_beat=beat is BeatGiven.ESTIMATED, listener=reading)
    if free_runs:
        with _progress() as progress:
            task = progress.add_task("playing", total=N_ALL_RUNS)
            figures["free_runs"] = judge_free_runs(data, folder, progress=lambda: progress.advance(task))
    _show_figures(figures, as_json)


@app.command()
def devices(as_json: Json = False) -> None:
    """List audio devices and MIDI ports.

    Example: [bold]livegen devices[/bold]
    """
    from livegen.doctor import find_devices

    found = find_devices()
    if as_json:
        _print_json(found)
        return
    for what, names in found.items():
        out.print(what, style="bold")
        for name in names or ["none"]:
            out.print(f"  {name}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is missing here, and the line that mends it.

    Example: [bold]livegen doctor[/bold]
    """
    from livegen.doctor import examine

    findings = examine()
    if as_json:
        _print_json({f.what: {"is_fine": f.is_fine, "says": f.says, "cure": f.cure} for f in findings})
        return
    for finding in findings:
        mark = "[green]ok[/green]     " if finding.is_fine else "[yellow]missing[/yellow]"
        out.print(f"{mark} [bold]{finding.what}[/bold]", end=" ")
        out.print(finding.says, markup=False, highlight=False, soft_wrap=True)
        if finding.cure:
            out.print(f"          {finding.cure}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def controls(as_json: Json = False) -> None:
    """List every live control.

    Example: [bold]livegen controls[/bold]
    """
    if as_json:
        _print_json(
            {
                name: {
                    "kind": control.kind,
                    "range": list(control.choices) or [control.minimum, control.maximum],
                    "default": DEFAULTS.get(name),
                    "unit": control.unit,
                    "description": control.description,
                    "osc": osc_address(name),
                }
                for name, control in CONTROLS.items()
            }
        )
        return
    caption = f"OSC address: {osc_address('p1.volume')} for p1.volume, and so on"
    table = Table("name", "allowed", "default", "what it does", box=None, header_style="bold", caption=caption)
    for name, control in CONTROLS.items():
        default = "" if control.kind == "trigger" else str(DEFAULTS[name]).lower()
        table.add_row(name, _allowed(name), default, control.description)
    out.print(table)


@app.command()
def patches(
    reference: Annotated[
        bool, typer.Option("--reference", help="Print the page that explains every key of a patch, in Markdown.")
    ] = False,
) -> None:
    """List the patches.

    Example: [bold]livegen patches[/bold]
    """
    from livegen.patch import list_patches, load_patch, reference_page

    if reference:
        out.print(
            reference_page({name: load_patch(name) for name in list_patches()}),
            end="",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        return
    table = Table("patch", "what it is", box=None, header_style="bold")
    for name in list_patches():
        table.add_row(name, load_patch(name).description)
    out.print(table)


@app.command()
def models() -> None:
    """List the models.

    Example: [bold]livegen models[/bold]
    """
    from livegen.resources import models_folder

    for folder in sorted(models_folder().iterdir()):
        if (folder / "config.toml").is_file():
            out.print(folder.name, highlight=False)


@app.command()
def bench(
    model: Model = "default",
    as_json: Json = False,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long a session plays.")] = 5.0,
    audio: Annotated[str | None, typer.Option(help="Audio device or host API, or null.")] = None,
    patch: PatchOption = "plain",
    hog: Annotated[bool, typer.Option("--hog", hidden=True, help="Only play, with a busy interpreter.")] = False,
    midi_api: Annotated[str, typer.Option(hidden=True, help="With --hog, as in jam.")] = "none",
    set_: Annotated[list[str] | None, typer.Option("--set", hidden=True, help="With --hog, as in jam.")] = None,
) -> None:
    """Measure this machine: model, chip, audio callback and start-up.

    Example: [bold]livegen bench --json[/bold]
    """
    from livegen.bench import measure, measure_hogged
    from livegen.patch import load_patch
    from livegen.session.session import Settings

    folder = _model_folder(model)
    with err.status("measuring"):
        if hog:
            settings = Settings(audio=audio, midi_api=midi_api, osc_port=0, controls=_parse_controls(set_))
            figures = measure_hogged(folder, load_patch(patch), seconds, settings)
        else:
            figures = measure(folder, session_seconds=seconds, audio=audio, patch=patch)
    _show_figures(figures, as_json)


def _parse_controls(assignments: list[str] | None) -> dict[str, Value]:
    controls: dict[str, Value] = {}
    for assignment in assignments or []:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise ControlError(f"--set {assignment!r} has no value: write it as --set name=value")
        controls[name] = parse_value(name, value)
        if CONTROLS[name].kind == "trigger":
            raise ControlError(f"{name} is no setting but something to do while playing: leave it out of --set")
    return controls


def _model_folder(name: str) -> Path:
    from livegen.resources import models_folder

    folder = models_folder() / name
    if "/" not in name and "\\" not in name and folder.is_dir():
        return folder
    if Path(name).is_dir():
        return Path(name)
    there = ", ".join(sorted(path.name for path in models_folder().glob("*") if path.is_dir())) or "none"
    raise CheckpointError(f"there is no model {name!r}: there is {there}, or give the path of a model's folder")


def _load_model(name: str) -> Any:
    """Load a model, and say so when playing it will have to compile first."""
    from livegen.kernels import is_compiled
    from livegen.predictor.checkpoint import load_predictor

    folder = _model_folder(name)
    if not is_compiled():
        err.print("first run: compiling, which takes up to a minute; the next start is quick", highlight=False)
    return load_predictor(folder)


@contextlib.contextmanager
def _needs_torch() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise FormatError("this command needs torch: pip install 'livegen[train]'") from error


def _leave_on_signals() -> threading.Event:
    leave = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: leave.set())
    return leave


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """End the process if the body takes longer, also while a driver keeps the whole interpreter waiting."""
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _progress(is_shown: bool = True) -> Progress:
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn()
    return Progress(*columns, console=err, transient=True, disable=not (is_shown and err.is_terminal))


class _Reading:
    """Shows how the reading of songs goes, and says which were left out."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def progress(self, what: str, done: float) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=1.0)
        self._progress.update(self._tasks[what], completed=done, visible=done < 1.0)

    def warn(self, sentence: str) -> None:
        err.print(_printable(sentence), style="yellow", markup=False, highlight=False, soft_wrap=True)


def _show_figures(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _print_json(figures)
        return
    table = Table("figure", "value", box=None, header_style="bold")
    _add_rows(table, figures)
    out.print(table)


def _add_rows(table: Table, figures: dict[str, Any], prefix: str = "") -> None:
    for name, value in figures.items():
        if isinstance(value, dict) and any(isinstance(part, dict) for part in value.values()):
            _add_rows(table, value, f"{prefix}{name} ")
            continue
        parts = value.items() if isinstance(value, dict) else [("", value)]
        shown = ", ".join(f"{part} {_rounded(number)}".strip() for part, number in parts)
        table.add_row(prefix + str(name), shown)


def _rounded(number: Any) -> str:
    return f"{number:.4g}" if isinstance(number, float) else str(number)


def _allowed(name: str) -> str:
    control = CONTROLS[name]
    if control.choices:
        return " ".join(control.choices)
    if control.kind == "trigger":
        return ""
    if control.kind == "bool":
        return "true false"
    return f"{control.minimum:g}..{control.maximum:g} {control.unit}".strip()


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
