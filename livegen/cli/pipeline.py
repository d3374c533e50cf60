"""Commands of the pipeline: fetch, prepare, card, pipeline."""

from pathlib import Path
from typing import Annotated, Final

import typer

from livegen.cli.learn import DATA_HELP, Reading, warn_of
from livegen.cli.options import Strict
from livegen.cli.output import progress_bar, say

_MODEL_HELP: Final = "The model's folder, as `livegen train` leaves it."


def fetch(
    source: Annotated[str, typer.Argument(help="A folder of songs, an archive, or the address of one.")],
    out_folder: Annotated[Path, typer.Argument(metavar="OUT", help="Where to put them; what was there goes.")],
    sha256: Annotated[
        str, typer.Option(metavar="HEX", help="What a file's hash must be; that of NES-MDB's archives is known.")
    ] = "",
) -> None:
    """Bring songs into a folder: a copy of another one, or a file from the web, with its hash checked.

    Example: [bold]livegen fetch ~/midi build/pipeline/songs[/bold]
    """
    from livegen.pipeline.fetch import fetch as fetch_songs
    from livegen.training.mlflow_run import MlflowRun, ended

    with progress_bar() as progress:
        task = progress.add_task("fetching", total=1.0)
        fetch_songs(source, out_folder, sha256, lambda done: progress.update(task, completed=done))
    files = [path for path in out_folder.rglob("*") if path.is_file()]
    n_bytes = sum(path.stat().st_size for path in files)
    with ended(MlflowRun(out_folder, None, {"source": source, "sha256": sha256})) as run:
        run.tell({"files": len(files), "bytes": n_bytes})
    warn_of(run)
    say(f"wrote {len(files)} files, {n_bytes / 1e6:.1f} MB, to {out_folder}")


def prepare(
    data: Annotated[Path, typer.Argument(help=DATA_HELP)],
    out_folder: Annotated[Path, typer.Argument(metavar="OUT", help="Where to put the packed splits.")],
    strict: Strict = False,
) -> None:
    """Pack songs into two splits, which training reads in a moment.

    Example: [bold]livegen prepare my-midi-files/ packed/ && livegen train packed/ models/mine[/bold]
    """
    from livegen.training.data.prepare import ABOUT_FILE
    from livegen.training.data.prepare import prepare as prepare_songs
    from livegen.training.mlflow_run import MlflowRun, ended

    with progress_bar() as progress:
        about = prepare_songs(data, out_folder, Reading(progress), is_strict=strict)
    with ended(MlflowRun(out_folder, None, {"path": str(data), **about})) as run:
        run.tell(about)
        run.keep([out_folder / ABOUT_FILE])
    warn_of(run)
    splits = [f"{of_split['songs']:,} {name}" for name, of_split in about.items() if isinstance(of_split, dict)]
    say(f"wrote {' and '.join(splits)} songs to {out_folder}")


def card(
    folder: Annotated[Path, typer.Argument(metavar="MODEL", help=_MODEL_HELP)],
    licence: Annotated[str, typer.Option(help="Under which licence the songs are, and the model.")] = "",
) -> None:
    """Write a model's card, README.md, of what was logged of it; in MLflow it becomes a version, and perhaps champion.

    Example: [bold]livegen card models/mine --licence "My own songs, CC BY 4.0"[/bold]
    """
    from livegen.training.card import write_card
    from livegen.training.logged import read_record
    from livegen.training.mlflow_run import run_of_model

    path = write_card(folder, licence)
    record = read_record(folder)
    figure, valid = record.get("figures", {}).get("valid_note_nll"), record.get("data", {}).get("valid", {})
    with run_of_model(folder) as run:
        run.keep([path])
        run.register(folder.resolve().name, figure, valid.get("sha256"))
    warn_of(run)
    say(f"wrote {path}")


def pipeline(
    stages: Annotated[list[str] | None, typer.Argument(help="The stages to run, and those before; else all.")] = None,
    file: Annotated[Path, typer.Option(metavar="DVC.YAML", help="The file that describes them.")] = Path("dvc.yaml"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run, and run nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Run the stages though nothing has changed.")] = False,
) -> None:
    """Run the stages of a dvc.yaml of which something has changed, without DVC (needs the extra `train`).

    Example: [bold]livegen pipeline train@lstm --dry-run[/bold]
    """
    from livegen.pipeline.runner import run_pipeline

    run_pipeline(file, stages or (), is_dry=dry_run, is_forced=force, say=say)
