"""The command that rewrites a gap of a song: infill."""

from dataclasses import replace
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from livegen.cli.options import Json, Strict, say_if_compiling
from livegen.cli.output import print_json, progress_bar, say, warn
from livegen.errors import ControlError, FormatError
from livegen.system.resources import model_folder

if TYPE_CHECKING:
    from livegen.analysis.bars import Bars

_PLACE: Final = "A bar as `livegen analyse` counts them, or seconds, such as 16.5s."


def infill(
    song: Annotated[Path, typer.Argument(help="Any score that convert reads: .mid .npz .vgm ...")],
    out_file: Annotated[Path, typer.Argument(metavar="OUT", help="A score: .mid .npz .exprsco.pkl ...")],
    from_: Annotated[str, typer.Option("--from", metavar="BAR", help=f"Where the gap begins. {_PLACE}")],
    to: Annotated[str, typer.Option(metavar="BAR", help="Where the song goes on as it was: before this bar.")],
    voices: Annotated[str, typer.Option(help="Those that are rewritten.")] = "p1,p2,tr,no",
    model: Annotated[str, typer.Option(help="A model's name (`livegen models`) or its folder.")] = "transformer",
    candidates: Annotated[int, typer.Option(min=1, max=100, help="How many are drawn; the best is taken.")] = 8,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0, help="Below 1 the likelier notes win.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of all draws.")] = 0,
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Rewrite some bars of a song: what leads best to the bars after them.

    Example: [bold]livegen infill song.mid out.mid --from 8 --to 12 --voices p2,tr[/bold]
    """
    from livegen.analysis.bars import bars_of
    from livegen.beat import Beat
    from livegen.engines.checkpoint import load_engine
    from livegen.engines.config import parse_voices
    from livegen.engines.protocol import Sampling
    from livegen.formats.files import check_place, refuse
    from livegen.formats.score.kinds import SCORE_ENDINGS, read_piece, write_piece
    from livegen.offline.infill import infill as rewrite
    from livegen.units import frame_to_seconds

    check_place(out_file)
    if not out_file.name.lower().endswith(SCORE_ENDINGS):
        raise FormatError(f"{out_file.name} is no score: allowed is a name that ends in {' '.join(SCORE_ENDINGS)}")
    rewritten = parse_voices([name.strip().lower() for name in voices.split(",")])
    piece = read_piece(song, refuse if strict else warn)
    bars = bars_of(piece.exact, len(piece.frames))
    first, end = (_frame_of(text, bars, name) for text, name in ((from_, "--from"), (to, "--to")))
    if not 0 <= first < end <= len(piece.frames):
        raise ControlError(
            f"--from {from_} --to {to} is no gap in {song.name}, which has {bars.n_bars} bars in "
            f"{frame_to_seconds(len(piece.frames)):.1f} s: the end comes after the beginning, and both lie within it"
        )
    say_if_compiling()
    engine = load_engine(model_folder(model))
    beat = Beat(bars.period_frames, -bars.first_frame / bars.period_frames % 1.0) if bars.is_beat else None
    with progress_bar() as progress:
        task = progress.add_task(out_file.name, total=candidates)
        found = rewrite(
            engine,
            piece.frames,
            first,
            end,
            rewritten,
            beat=beat,
            sampling=Sampling(temperature=temperature),
            n_candidates=candidates,
            seed=seed,
            progress=lambda: progress.advance(task),
        )
    write_piece(out_file, replace(piece, frames=found.frames, changes=None))
    if as_json:
        gap = {"from_seconds": frame_to_seconds(first), "to_seconds": frame_to_seconds(end)}
        nats = [round(-log_prob, 2) for log_prob in found.log_probs]
        print_json({**gap, "chosen": found.chosen + 1, "nats_after": nats})
    else:
        say(
            f"wrote {out_file}: new from {frame_to_seconds(first):.1f} to {frame_to_seconds(end):.1f} s, "
            f"candidate {found.chosen + 1} of {candidates}"
        )


def _frame_of(text: str, bars: "Bars", name: str) -> int:
    """Return the frame at which a bar begins, or that of a time in seconds, such as ``16.5s``."""
    from livegen.analysis.bars import BEATS_A_BAR
    from livegen.units import FRAME_RATE_HZ

    is_time = text.endswith("s")
    try:
        number = float(text.removesuffix("s"))
    except ValueError:
        number = nan
    if not isfinite(number):
        raise ControlError(f"{name} {text!r} is no place: write it as a bar, 8, or in seconds, 16.5s")
    if is_time:
        return round(number * FRAME_RATE_HZ)
    return round(bars.first_frame + (number - 1.0) * BEATS_A_BAR * bars.period_frames)
