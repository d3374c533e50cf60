"""The command that looks at a piece: analyse."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from livegen.cli.options import Json, Strict
from livegen.cli.output import say, show_figures, warn

_MOST_PLACES: Final = 8


def analyse(
    in_file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Any score that convert reads: .mid .vgm .vgz .nsf .npz .exprsco.pkl ..."),
    ],
    picture: Annotated[Path | None, typer.Option(metavar="PAGE.png", help="Draw it, too, as .png or .svg.")] = None,
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Tell what a piece is like: key by bar, tempo, form, what each voice has to play, motifs that come back.

    Example: [bold]livegen analyse tune.vgz --picture page.png[/bold]
    """
    from livegen.analysis.analysis import analyse as analyse_piece
    from livegen.analysis.picture import write_page
    from livegen.formats.files import check_place, refuse
    from livegen.formats.score.kinds import read_piece

    if picture is not None:
        check_place(picture)
    piece = read_piece(in_file, refuse if strict else warn)
    found = analyse_piece(piece)
    if picture is not None:
        write_page(picture, found, piece.tags.title or in_file.name)
        say(f"wrote {picture}")
    figures = found.figures()
    show_figures(figures if as_json else _for_reading(figures), as_json)


def _for_reading(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures with each list in a line."""
    tempo = figures["tempo"]
    clear = "no clear beat" if tempo["bpm"] is None else f"{tempo['bpm']:.2f} BPM"
    shown: dict[str, Any] = {
        "length": f"{figures['seconds']:.1f} s, {tempo['bars']} bars from {tempo['first_bar_seconds']:.2f} s on",
        "tempo": f"{clear}, {tempo['clarity']:.0%} on the beat's grid",
        "key": f"{figures['key']['name'] or 'none'}, fit {figures['key']['fit']:.2f}",
        "key by bar": ", ".join(f"{run['from_bar']}: {run['key']}" for run in figures["keys"]),
        "form": f"{figures['form']['letters']}, by {figures['form']['phrase_bars']} bars from bar "
        f"{figures['form']['first_phrase_bar']} on",
    }
    for name, part in figures["voices"].items():
        span = f"{part['lowest']} to {part['highest']}, " if part["lowest"] else ""
        shown[name] = f"{span}sounds {part['share']:.0%} of the time, {part['notes']} notes"
    for i, motif in enumerate(figures["motifs"], 1):
        places = [f"{place['voice']} {place['bar']}.{place['beat']:g}" for place in motif["places"][:_MOST_PLACES]]
        more = ", ..." if motif["times"] > _MOST_PLACES else ""
        shown[f"motif {i}"] = f"{motif['notes']}, {motif['times']} times: {', '.join(places)}{more}"
    return shown
