"""The application: its commands in the order of the help, and its exit codes."""

import signal
import sys
from collections.abc import Callable
from typing import Annotated, Final, NoReturn

import typer

from livegen import __version__
from livegen.cli.analyse import analyse
from livegen.cli.files import convert, render
from livegen.cli.infill import infill
from livegen.cli.latent import latent
from livegen.cli.learn import evaluate, imagine, models, train
from livegen.cli.lists import controls, devices, doctor, patches, rigs
from livegen.cli.output import out, say
from livegen.cli.pipeline import card, fetch, pipeline, prepare
from livegen.cli.play import bench, calibrate, jam
from livegen.cli.serve import serve, submit, worker
from livegen.cli.takes import replay, takes
from livegen.errors import LivegenError
from livegen.system.commit import commit

EXIT_USAGE: Final = 2
EXIT_OTHER: Final = 1
_INTERRUPTED: Final = 130  # what Typer returns for Ctrl-C
_PATH_SHOWN: Final = 120  # characters

app = typer.Typer(
    help="Jam live with a neural model that plays a four-voice NES chip.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_COMMANDS: Final[tuple[Callable[..., None], ...]] = (
    *(jam, replay, takes, render, convert, infill, analyse, train, imagine, evaluate),
    *(fetch, prepare, card, pipeline),
    *(serve, worker, submit),
    *(devices, doctor, controls, patches, rigs, models, calibrate, bench),
)
_NAMES: Final = {evaluate: "eval"}  # a function of this name would hide Python's own
for _command in _COMMANDS:
    app.command(_NAMES.get(_command))(_command)

app.add_typer(latent, name="latent")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and its commit.")] = False,
) -> None:
    if version:
        of = commit()
        out.print(f"{__version__} ({of})" if of else __version__, highlight=False)
        raise typer.Exit


def main() -> None:
    """Run livegen and exit with 0, with 2 for an error that the user can fix, or with 1. No traceback is shown."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that half-written files are deleted
    try:
        code = app(standalone_mode=False)  # None, or the exit code of a command that ended early
    except LivegenError as error:
        _leave(str(error), EXIT_USAGE)
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except BrokenPipeError:
        sys.exit(EXIT_OTHER)
    except Exception as error:
        if hasattr(error, "format_message"):  # click's usage errors; the one for a missing command has no text
            _leave(error.format_message() or "give one of the commands above", EXIT_USAGE)
        if isinstance(error, OSError) and error.filename is not None:
            _leave(f"{str(error.filename)[:_PATH_SHOWN]} cannot be used: {error.strerror}", EXIT_USAGE)
        _leave(f"something went wrong that should not have ({type(error).__name__}: {error})", EXIT_OTHER)
    if code == _INTERRUPTED:
        _leave("interrupted", EXIT_OTHER)
    sys.exit(code)


def _leave(sentence: str, code: int) -> NoReturn:
    say(f"livegen: {sentence}", style="red")
    sys.exit(code)
