"""Commands for models: train, eval, models."""

import contextlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import Progress, TaskID
from rich.table import Table

from livegen.cli.options import Json, Model, Strict, say_if_compiling
from livegen.cli.output import err, out, print_json, progress_bar, say, show_figures, warn
from livegen.errors import FormatError
from livegen.system.resources import model_folder, models_folder, shipped_models


class Size(StrEnum):
    """How large a network is, by the names of `livegen.engines.lstm.lstm.SIZES`."""

    FULL = "full"
    SMALL = "small"


class Engine(StrEnum):
    """Kinds of models that can be trained, by the names of `livegen.training.trainers.TRAINERS`."""

    LSTM = "lstm"
    VAE = "vae"
    GAN = "gan"
    TONNETZ = "tonnetz"
    TRANSFORMER = "transformer"


class Architecture(StrEnum):
    """Networks of a GAN, by the names of `livegen.training.trainers.ARCHITECTURES`."""

    LOOPS = "loops"
    DCGAN = "dcgan"


class Precision(StrEnum):
    """In which numbers a network learns, by the names of `livegen.training.run.PRECISIONS`."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Without(StrEnum):
    """Parts without which a network can be trained, by the names of `livegen.engines.lstm.lstm.LEAVES_OUT`."""

    MEMORY = "memory"
    AGES = "ages"
    ORDERS = "orders"


class BeatGiven(StrEnum):
    """Whether a model is told the beat when it is measured; estimating it looks ahead in the song."""

    NONE = "none"
    ESTIMATED = "estimated"


DATA_HELP: Final = (
    "Songs: a folder of MIDI, VGM files, takes or NES-MDB's pickles, its .tar.gz, an .npz split or a folder of these."
)


def train(
    data: Annotated[Path, typer.Argument(help=DATA_HELP)],
    out_folder: Annotated[Path, typer.Argument(metavar="OUT", help="The model's folder.")],
    engine: Annotated[Engine, typer.Option(help="The kind of model.")] = Engine.LSTM,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, help="How long to train, else 60; an lstm hears takes eight times.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="How long to train, in steps in place of minutes.")] = None,
    size: Annotated[Size | None, typer.Option(help="5.4 million parameters, or 1.5 million; full by default.")] = None,
    voices: Annotated[
        str | None, typer.Option(metavar="p1,p2,tr,no", help="The voices that it hears and plays, else all.")
    ] = None,
    leave_out: Annotated[
        list[Without] | None,
        typer.Option(help="Train without the motif memory, ages of notes, or any order of voices; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, songs and orders.")] = 0,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint in OUT.")] = False,
    start_from: Annotated[
        str | None,
        typer.Option("--from", metavar="MODEL", help="Begin with the weights of this model: a name or a folder."),
    ] = None,
    made: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Histories of a model's own making, of livegen imagine.")
    ] = None,
    arch: Annotated[
        Architecture | None, typer.Option(help="Of a gan: loops, or the baseline, which is no engine; else loops.")
    ] = None,
    beats_a_slice: Annotated[
        float | None, typer.Option(min=0.25, max=8.0, help="Of a tonnetz: how long a slice is; else a beat.")
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            min=1e-6, max=1.0, help="At its height, else the kind's own; of an lstm 0.002, and 0.001 with --from."
        ),
    ] = None,
    lanes: Annotated[int | None, typer.Option(min=1, help="Songs side by side in a step, else the kind's own.")] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help="auto is what is quicker here; with float32 and --steps a run comes out the same again."),
    ] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Tell at the end where the time went.")] = False,
    strict: Strict = False,
) -> None:
    """Train a model (needs the extra `train`).

    Example: [bold]livegen train my-midi-files/ models/mine --minutes 90[/bold]

    A VAE, a GAN or a Tonnetz learns of songs with a clear beat; these and a Transformer have neither sizes nor parts to
    leave out.

    On several GPUs or machines: [bold]torchrun --nproc-per-node 2 -m livegen train ...[/bold]
    """
    with _needs_torch():
        from livegen.training.distributed import own_group, wait_for_device
        from livegen.training.profile import Profile, profiling
        from livegen.training.run import Progress as Report
        from livegen.training.trainers import TRAINERS, Order, copied_share_of

    options = {
        "size": size and size.value,
        "voices": voices,
        "leave-out": [what.value for what in leave_out or ()],
        "from": start_from and model_folder(start_from),
        "made": made,
        "arch": arch and arch.value,
        "beats-a-slice": beats_a_slice,
    }
    given = {name: value for name, value in options.items() if value}
    for name in given.keys() - set(TRAINERS[engine].options):
        of = " or ".join(kind for kind, trainer in TRAINERS.items() if name in trainer.options)
        raise typer.BadParameter(
            f"of --engine {engine} there is no --{name}: leave it out, or train with --engine {of}"
        )
    with progress_bar(is_shown=own_group().is_first) as progress:
        task = progress.add_task("training", total=1.0)

        def show(report: Report) -> None:
            what = f"step {report.step} note NLL {report.note_nll:.3f} {report.frames_per_second:.0f} frames/s"
            progress.update(task, completed=report.done, description=what)
            if report.valid_note_nll is not None:
                err.print(f"step {report.step}: valid note NLL {report.valid_note_nll:.4f} nats a frame", markup=False)

        order = Order(
            data,
            out_folder,
            minutes=minutes,
            steps=steps,
            seed=seed,
            learning_rate=learning_rate,
            n_lanes=lanes,
            precision=precision and precision.value,
            resume=resume,
            is_strict=strict,
            progress=show,
            listener=Reading(progress),
            options=given,
        )
        watched = Profile(wait_for_device) if profile else None
        with contextlib.nullcontext() if watched is None else profiling(watched):
            TRAINERS[engine].train(order)
    if watched is not None and own_group().is_first:
        show_figures(watched.report(), as_json=False)
    if own_group().is_first and (share := copied_share_of(out_folder)) is not None:
        say(f"{share:.1%} of what it makes is a copy: 95 % of a phrase that it learnt from, in any transposition")


def imagine(
    data: Annotated[Path, typer.Argument(help=DATA_HELP)],
    out_file: Annotated[Path, typer.Argument(metavar="OUT.npz", help="What to write them to.")],
    model: Model = "default",
    seed: Annotated[int, typer.Option(help="Of what is made.")] = 0,
) -> None:
    """Let a model play along with the songs of a train split, to be heard when another one is trained.

    Example: [bold]livegen imagine nesmdb/ made.npz && livegen train nesmdb/ mine --from default --made made.npz[/bold]
    """
    with _needs_torch():
        from livegen.engines.checkpoint import load_engine
        from livegen.training.data.sources import TRAIN, load_songs
        from livegen.training.made import imagine as imagine_songs

    engine = load_engine(model_folder(model))
    with progress_bar() as progress:
        songs = load_songs(data, TRAIN, Reading(progress))
        task = progress.add_task("playing", total=1.0)
        made = imagine_songs(
            engine, songs.frames, songs.offsets, seed, lambda done: progress.update(task, completed=done)
        )
    made.save(out_file)


def evaluate(
    data: Annotated[Path, typer.Argument(help=DATA_HELP)],
    model: Model = "default",
    beat: Annotated[BeatGiven, typer.Option(help="Measure also with the beat given.")] = BeatGiven.NONE,
    free_runs: Annotated[bool, typer.Option("--free-runs", help="Let it play by itself, and judge that too.")] = False,
    listen: Annotated[bool, typer.Option("--listen", help="Play melodies to it: does it listen?")] = False,
    answer: Annotated[bool, typer.Option("--answer", help="Play phrases to it: does it answer?")] = False,
    pulse: Annotated[bool, typer.Option("--pulse", help="Give it no beat: has it one?")] = False,
    long: Annotated[bool, typer.Option("--long", help="Let it play for ten minutes: does it stay alive?")] = False,
    seed: Annotated[int, typer.Option(help="Of what is played.")] = 0,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Of a gan: measure these matrices of another one, too.")
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw what is judged, or else the free runs, as this PNG.", metavar="FILE.png"),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the figures in the model's folder, for its card, and in MLflow.")
    ] = False,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Measure a model on songs that it was not trained on.

    How well it predicts them needs the extra `train`. What it plays does not: with --listen, --answer, --pulse or
    --long that alone is judged, and the word is added to the name of the picture. The loops of a gan are compared with
    phrases of songs, and heard by the model `default`, which needs no torch either.

    Example: [bold]livegen eval nesmdb/ --model default --listen --picture page.png[/bold]
    """
    from livegen.engines.checkpoint import read_config
    from livegen.judge.picture import check_can_draw

    if picture is not None:
        check_can_draw(picture)
    folder = model_folder(model)
    asked = {"listen": listen, "answer": answer, "pulse": pulse, "long": long}
    wanted = [name for name, is_wanted in asked.items() if is_wanted]
    if wanted:
        from livegen.judge.partner import judge_partner

        with progress_bar() as progress:
            figures = judge_partner(
                data, folder, wanted, seed=seed, listener=Reading(progress), picture=picture, is_strict=strict
            )
    elif read_config(folder)[0] == "gan":
        from livegen.judge.loops import judge_loops

        with progress_bar() as progress:
            task = progress.add_task("measuring", total=None)
            figures = judge_loops(
                data,
                folder,
                model_folder("default"),
                seed=seed,
                baseline=baseline,
                listener=Reading(progress),
                progress=lambda what: progress.update(task, description=what),
                is_strict=strict,
            )
    else:
        figures = _predicted(data, folder, beat, with_free_runs=free_runs, seed=seed, picture=picture, is_strict=strict)
    if keep:
        _keep(data, folder, figures, seed, picture)
    show_figures(figures, as_json)


def _predicted(
    data: Path,
    folder: Path,
    beat: BeatGiven,
    *,
    with_free_runs: bool,
    seed: int,
    picture: Path | None,
    is_strict: bool,
) -> dict[str, Any]:
    """Return how well a model predicts songs, and what it plays by itself if that or its picture is asked for."""
    from livegen.engines.checkpoint import read_config

    with _needs_torch():
        from livegen.judge.free_run import N_ALL_RUNS, judge_free_runs
        from livegen.training.evaluate import evaluate as evaluate_model
        from livegen.training.tonnetz.evaluate import evaluate_tonnetz
        from livegen.training.transformer.evaluate import evaluate_transformer
        from livegen.training.vae.evaluate import evaluate_vae

    kind, _ = read_config(folder)
    with progress_bar() as progress:
        progress.add_task("measuring", total=None)
        reading = Reading(progress)
        if kind == "vae":
            figures = evaluate_vae(data, folder, seed=seed, listener=reading, is_strict=is_strict)
        elif kind == "tonnetz":
            figures = evaluate_tonnetz(data, folder, listener=reading, is_strict=is_strict)
        elif kind == "transformer":
            figures = evaluate_transformer(data, folder, listener=reading, is_strict=is_strict)
        else:
            has_beat = beat is BeatGiven.ESTIMATED
            figures = evaluate_model(data, folder, has_beat=has_beat, listener=reading, is_strict=is_strict)
    if with_free_runs or picture is not None:
        with progress_bar() as progress:
            task = progress.add_task("playing", total=N_ALL_RUNS)
            figures["free_runs"] = judge_free_runs(
                data, folder, seed=seed, progress=lambda: progress.advance(task), picture=picture, is_strict=is_strict
            )
    return figures


def _keep(data: Path, folder: Path, figures: dict[str, Any], seed: int, picture: Path | None) -> None:
    """Keep the figures of a model in its folder, and in its run in MLflow."""
    from livegen.training.data.prepare import read_prepared
    from livegen.training.logged import FIGURES_FILE, keep_figures
    from livegen.training.mlflow_run import run_of_model

    keep_figures(folder, figures, {"seed": seed, "data": read_prepared(data).get("valid")})
    with run_of_model(folder) as run:
        run.tell({"eval": figures})
        run.keep([folder / FIGURES_FILE, *([] if picture is None else [picture])])
    warn_of(run)


def warn_of(run: Any) -> None:
    """Say why MLflow has not kept a run, if it should have."""
    if run.trouble is not None:
        warn(f"MLflow has not kept all of this: {run.trouble}")


def models(as_json: Json = False) -> None:
    """List the models: kind, voices, size, how long a second of music takes on this machine, and what each is for.

    Example: [bold]livegen models[/bold]
    """
    from livegen.engines.checkpoint import WEIGHTS_FILE, load_engine, read_about
    from livegen.engines.pace import ms_per_second

    say_if_compiling()
    figures = {}
    with err.status("measuring"):
        for name in shipped_models():
            folder = models_folder() / name
            engine = load_engine(folder)
            engine.warm_up()
            figures[name] = {
                "kind": engine.info.kind,
                "voices": " ".join(voice.name for voice in engine.info.voices),
                "megabytes": round((folder / WEIGHTS_FILE).stat().st_size / 1e6, 1),
                "ms_per_second": round(ms_per_second(engine), 1),
                "about": read_about(folder),
            }
    if as_json:
        print_json(figures)
        return
    table = Table("model", "kind", "voices", "MB", "ms a second", "", box=None, header_style="bold")
    for name, figure in figures.items():
        table.add_row(name, *(str(cell) for cell in figure.values()))
    out.print(table)


@contextlib.contextmanager
def _needs_torch() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise FormatError("this command needs torch: pip install 'livegen[train]'") from error


class Reading:
    """Shows the progress of reading songs, and says which were left out; a listener of `training.data.sources`."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def progress(self, what: str, done: float) -> None:
        """Show how much of what is being read is done, 0..1."""
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=1.0)
        self._progress.update(self._tasks[what], completed=done, visible=done < 1.0)

    def warn(self, sentence: str) -> None:
        """Say what was left out."""
        say(sentence, style="yellow")
