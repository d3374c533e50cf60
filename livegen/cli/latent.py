"""The commands of `livegen latent`: encode, decode, interpolate, sample."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from livegen.cli.options import Strict, say_if_compiling
from livegen.cli.output import say, warn
from livegen.errors import ControlError
from livegen.system.resources import model_folder

latent = typer.Typer(
    help="Compose with the latents of a model: scores to places and back, from one place to another, new places.",
    no_args_is_help=True,
)

_PLACES: Final = "A file of latents, .json or .npz, or a score: .mid .npz .exprsco.pkl .seprsco.pkl"
LatentModel = Annotated[str, typer.Option("--model", help="A VAE's name (`livegen models`) or its folder.")]
Bpm = Annotated[float | None, typer.Option(min=20, max=400, help="Beats a minute, else as the file says.")]
Temperature = Annotated[float, typer.Option(min=0.0, max=2.0, help="Below 1 the likelier notes win more often.")]
LatentSeed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Of all draws.")]
OutFile = Annotated[
    Path, typer.Argument(metavar="OUT", help=".json for latents as text, .npz for them as an array, .mid for music.")
]


@latent.command()
def encode(
    score: Annotated[Path, typer.Argument(help="A score: .mid .npz .exprsco.pkl .seprsco.pkl")],
    out_file: Annotated[Path, typer.Argument(metavar="OUT", help=".json or .npz")],
    model: LatentModel = "vae",
    bpm: Bpm = None,
    strict: Strict = False,
) -> None:
    """Find the place of each eight beats of a score.

    Example: [bold]livegen latent encode song.mid song.json[/bold]
    """
    from livegen.formats.files import refuse
    from livegen.offline import latent as offline

    engine = _engine(model, out_file)
    places = offline.encode(engine, score, bpm, refuse if strict else warn)
    say(f"wrote {out_file}: {offline.save(out_file, places, None)} at {places.bpm:.1f} beats a minute")


@latent.command()
def decode(
    places: Annotated[Path, typer.Argument(help="A file of latents: .json or .npz")],
    out_file: Annotated[Path, typer.Argument(metavar="OUT", help="A score: .mid .npz .exprsco.pkl .seprsco.pkl")],
    model: LatentModel = "vae",
    bpm: Bpm = None,
    temperature: Temperature = 1.0,
    seed: LatentSeed = 0,
) -> None:
    """Make music of places, eight beats of each.

    Example: [bold]livegen latent decode song.json again.mid --temperature 0.5[/bold]
    """
    from livegen.offline import latent as offline

    engine = _engine(model, out_file)
    _write(engine, offline.load(engine, places), out_file, bpm, temperature, seed, is_music=True)


@latent.command()
def interpolate(
    one: Annotated[Path, typer.Argument(metavar="A", help=_PLACES)],
    other: Annotated[Path, typer.Argument(metavar="B", help=_PLACES)],
    out_file: OutFile,
    steps: Annotated[int, typer.Option(min=2, max=1000, help="How many places, A and B among them.")] = 8,
    model: LatentModel = "vae",
    bpm: Bpm = None,
    temperature: Temperature = 1.0,
    seed: LatentSeed = 0,
    strict: Strict = False,
) -> None:
    """Go from the first place of one file to the first of another.

    Example: [bold]livegen latent interpolate calm.mid wild.mid way.mid --steps 8[/bold]
    """
    from livegen.formats.files import refuse
    from livegen.offline import latent as offline

    engine = _engine(model, out_file)
    begin, end = (offline.load(engine, path, warn=refuse if strict else warn) for path in (one, other))
    _write(engine, offline.between(begin, end, steps), out_file, bpm, temperature, seed)


@latent.command()
def sample(
    out_file: OutFile,
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many places.")] = 1,
    model: LatentModel = "vae",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a named latent, -3..3; repeatable.")
    ] = None,
    bpm: Bpm = None,
    temperature: Temperature = 1.0,
    seed: LatentSeed = 0,
) -> None:
    """Draw places at random.

    Example: [bold]livegen latent sample busy.mid --set density=2 --set drums=1[/bold]
    """
    from livegen.offline import latent as offline

    named = {}
    for assignment in set_ or []:
        name, _, value = assignment.partition("=")
        try:
            named[name] = float(value)
        except ValueError as error:
            raise ControlError(f"--set {assignment!r} has no number: write it as --set density=1.5") from error
        if not -3.0 <= named[name] <= 3.0:
            raise ControlError(f"--set {assignment!r} is out of range: allowed is -3..3")
    engine = _engine(model, out_file)
    _write(engine, offline.sample(engine, count, seed, named), out_file, bpm, temperature, seed)


def _engine(model: str, out_file: Path) -> Any:
    """Return the engine of a model that has latents, once it is sure that the file can be written."""
    from livegen.engines.checkpoint import load_engine
    from livegen.formats.files import check_place
    from livegen.offline.latent import checked

    check_place(out_file)
    folder = model_folder(model)
    say_if_compiling()
    return checked(load_engine(folder))


def _write(
    engine: Any,
    places: Any,
    out_file: Path,
    bpm: float | None,
    temperature: float,
    seed: int,
    *,
    is_music: bool | None = None,
) -> None:
    """Write places, or their music where the file is no .json or .npz."""
    from livegen.engines.protocol import Sampling
    from livegen.formats.latents import LATENT_ENDINGS
    from livegen.offline import latent as offline

    if bpm is not None:
        places = replace(places, bpm=bpm)
    if is_music is None:
        is_music = out_file.suffix.lower() not in LATENT_ENDINGS
    piece = offline.decode(engine, places, Sampling(temperature=temperature), seed) if is_music else None
    say(f"wrote {out_file}: {offline.save(out_file, places, piece)}")
