"""Commands of the service: serve, worker, submit. What they need is in the extra `serve`."""

import importlib.util
import os
import uuid
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from livegen.cli.options import say_if_compiling
from livegen.cli.output import progress_bar, say, warn
from livegen.errors import OrderError, QueueError

_CURE: Final = (
    "give a free port 1024..65535 with --port, and with --host 127.0.0.1, 0.0.0.0 or an address of this machine"
)
_TOKEN_FILE: Final = "serve-token"
_PORT: Final = 9126

ModelsOption = Annotated[
    str | None, typer.Option("--models", metavar="NAME,NAME", help="Of livegen's own models these alone, else all.")
]
FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="Where jobs, models and results are kept, else the usual."),
]
QueueOption = Annotated[
    str | None,
    typer.Option(
        "--queue", metavar="URL", envvar="LIVEGEN_QUEUE", help="redis://localhost:6379, or rediss:// with a password."
    ),
]


def serve(
    workers: Annotated[
        int | None, typer.Option(min=0, max=64, help="Processes here that play, else 1, and with --queue none.")
    ] = None,
    queue: QueueOption = None,
    models: ModelsOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one.")] = _PORT,
    folder: FolderOption = None,
    keep: Annotated[
        float, typer.Option(min=0.001, max=8760, metavar="HOURS", help="How long results stay that nobody fetches.")
    ] = 24.0,
    jobs: Annotated[int, typer.Option(min=1, max=100_000, help="Most jobs of a client that are not done yet.")] = 100,
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="Most requests of a client a second.")] = 20.0,
    streams: Annotated[int, typer.Option(min=0, max=64, help="Most streams that play at once.")] = 4,
) -> None:
    """Serve renders and streams over HTTP, to programs and on a page.

    Example: [bold]livegen serve --workers 2[/bold]
    """
    _check_extra()
    from livegen.serve.http.server import serve as serve_on
    from livegen.serve.http.service import Service
    from livegen.serve.http.settings import Limits, ServeSettings
    from livegen.serve.place import Place, parse_names, usual_folder
    from livegen.web.page.address import address_of, open_listener

    place = Place(usual_folder() if folder is None else folder, parse_names(models), queue)
    listener = open_listener(host, port, _CURE)
    bound_host, bound_port = listener.getsockname()[:2]
    settings = ServeSettings(
        bound_host, bound_port, _token_for(bound_host), keep * 3600.0, Limits(jobs=jobs, rate=rate, streams=streams)
    )
    _compile_first(place)
    n_workers = workers if workers is not None else 1 if queue is None else 0
    service = Service(place, settings, n_workers)
    say(f"serving {address_of(settings.host, settings.port, settings.token)}")
    serve_on(service, listener)


def worker(
    queue: Annotated[
        str,
        typer.Option(
            metavar="URL", envvar="LIVEGEN_QUEUE", help="redis://localhost:6379, or rediss:// with a password."
        ),
    ],
    models: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Take jobs of these models alone, else of any.")
    ] = None,
    folder: FolderOption = None,
) -> None:
    """Play what others ask for: take jobs from a queue in Redis, until Ctrl-C.

    Whoever can write to that Redis decides what this machine plays: it must have a password, and TLS on a network.

    Example: [bold]livegen worker --queue redis://localhost:6379 --models default,vae[/bold]
    """
    _check_extra()
    from livegen.serve.place import Place, parse_names, usual_folder
    from livegen.serve.work.worker import run

    place = Place(usual_folder() if folder is None else folder, None, queue)
    place.open_jobs()  # an address that must not be used is refused before anything is compiled
    _compile_first(place)
    say("waiting for jobs")
    run(place, uuid.uuid4().hex[:12], parse_names(models))


def submit(
    ideas: Annotated[
        Path, typer.Argument(metavar="IDEAS.toml", help="What is to be rendered; docs/serve.md shows one.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the files go; those that are there stay.")],
    server: Annotated[str, typer.Option(metavar="URL", help="Of the service.")] = f"http://127.0.0.1:{_PORT}",
    token: Annotated[
        str, typer.Option(envvar="LIVEGEN_TOKEN", help="What a service on another machine asks for.")
    ] = "",
) -> None:
    """Have a service render many ideas, and fetch the files. Stopped and typed again, it goes on.

    Example: [bold]livegen submit ideas.toml --out ideas/[/bold]
    """
    from livegen.serve.client.client import Client
    from livegen.serve.client.ideas import read_ideas
    from livegen.serve.client.submit import submit_all

    asked = read_ideas(ideas)
    client = Client(server, token)
    n_failed = n_there = 0
    with progress_bar() as progress:
        task = progress.add_task(ideas.name, total=len(asked))
        for outcome in submit_all(client, asked, out, on_progress=lambda n: progress.update(task, completed=n)):
            n_there += outcome.was_there
            if outcome.error is not None:
                n_failed += 1
                say(f"failed {outcome.idea.name}: {outcome.error}")
    say(f"{len(asked) - n_failed} of {len(asked)} ideas are in {out}" + (f", {n_there} were before" if n_there else ""))
    if n_failed:
        raise OrderError(f"{n_failed} of {len(asked)} ideas could not be rendered")


def _compile_first(place: Any) -> None:
    """Compile in this process, if need be, what every worker would otherwise compile for itself."""
    from livegen.serve.work.band import Band
    from livegen.system.kernels import is_compiled

    if not is_compiled():
        say_if_compiling()
        Band(place.open_shelf()).warm_own()


def _check_extra() -> None:
    """Raise QueueError if the extra of the service is not installed."""
    if importlib.util.find_spec("fastapi") is None:
        raise QueueError("the service needs more than playing does: pip install 'livegen[serve]'")


def _token_for(host: str) -> str:
    """Return what other machines must show, or an empty text where none can connect."""
    from livegen.system.resources import user_config_folder
    from livegen.web.page.address import kept_token
    from livegen.web.server.door import is_loopback

    if is_loopback(host):
        return ""
    given = os.environ.get("LIVEGEN_TOKEN", "")
    if given:
        return given
    token, trouble = kept_token(user_config_folder() / _TOKEN_FILE)
    if trouble:
        warn(trouble)
    return token
