"""Commands that list what there is: devices, doctor, controls, patches."""

from typing import Annotated, Final

import typer
from rich.table import Table

from livegen.cli.options import Json
from livegen.cli.output import err, out, print_json
from livegen.controls import CONTROLS, DEFAULTS, osc_address
from livegen.errors import ControlError, PortError, RigError

_TWO_KEYBOARDS: Final = (
    "two keyboards, each with its voice: livegen jam --midi-in NAME,voice=p1 --midi-in NAME,voice=tr"
)


def devices(as_json: Json = False) -> None:
    """List audio devices and MIDI ports.

    Example: [bold]livegen devices[/bold]
    """
    from livegen.cli.doctor import find_devices

    found = find_devices()
    if as_json:
        print_json(found)
        return
    for what, names in found.items():
        out.print(what, style="bold")
        for name in names or ["none"]:
            out.print(f"  {name}", markup=False, highlight=False, soft_wrap=True)
    if len(found["MIDI inputs"]) > 1:
        out.print(_TWO_KEYBOARDS, markup=False, highlight=False, soft_wrap=True)


def doctor(
    live: Annotated[
        bool, typer.Option("--live", help="Ask the jam that runs what its last plans took, and what held them up.")
    ] = False,
    page: Annotated[
        str | None, typer.Option(metavar="URL", help="Address of its page, if it is not the usual one; with --live.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what is missing here, and the line that mends it. --json leaves out the names of home, host and user.

    Example: [bold]livegen doctor[/bold]
    """
    if live:
        from livegen.cli.live import ask_jam, show_pace

        show_pace(ask_jam(page), as_json)
        return
    if page is not None:
        raise PortError("--page is where a jam is asked that runs: add --live")
    from livegen.cli.doctor import examine, without_names

    findings = examine()
    if as_json:
        print_json(
            {
                f.what: {"is_fine": f.is_fine, "says": without_names(f.says), "cure": without_names(f.cure)}
                for f in findings
            }
        )
        return
    for finding in findings:
        mark = "[green]ok[/green]     " if finding.is_fine else "[yellow]missing[/yellow]"
        out.print(f"{mark} [bold]{finding.what}[/bold]", end=" ")
        out.print(finding.says, markup=False, highlight=False, soft_wrap=True)
        if finding.cure:
            out.print(f"          {finding.cure}", markup=False, highlight=False, soft_wrap=True)


def controls(
    as_json: Json = False,
    layout: Annotated[
        str | None, typer.Option(help="Print a layout for open-stage-control, or the address list for touchosc.")
    ] = None,
) -> None:
    """List every live control.

    Example: [bold]livegen controls[/bold]
    """
    if layout is not None:
        from livegen.cli.layouts import LAYOUTS

        if layout not in LAYOUTS:
            raise ControlError(f"there is no layout for {layout!r}: there is {' and '.join(LAYOUTS)}")
        out.out(LAYOUTS[layout][1](), end="", highlight=False)
        return
    if as_json:
        print_json(
            {
                name: {
                    "kind": control.kind,
                    "range": list(control.choices) or [control.minimum, control.maximum],
                    "default": DEFAULTS.get(name),
                    "unit": control.unit,
                    "description": control.description,
                    "osc": osc_address(name),
                    "engine": control.engine,
                }
                for name, control in CONTROLS.items()
            }
        )
        return
    caption = f"OSC address: {osc_address('p1.volume')} for p1.volume, and so on"
    table = Table("name", "allowed", "default", "what it does", box=None, header_style="bold", caption=caption)
    for name, control in CONTROLS.items():
        default = "" if control.is_action else str(DEFAULTS[name]).lower()
        table.add_row(name, _allowed(name), default, control.description)
    out.print(table)


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


def rigs() -> None:
    """List the rigs that you have saved, with their MIDI inputs.

    Example: [bold]livegen rigs[/bold]
    """
    from livegen.rig import list_rigs, load_rig
    from livegen.system.resources import rigs_folder

    for name in list_rigs():
        try:
            inputs = load_rig(name).midi_ins or ()
            says = ", ".join(map(str, inputs))
        except RigError as error:
            says = f"cannot be opened: {error}"
        out.print(f"{name}: {says}" if says else name, markup=False, highlight=False, soft_wrap=True)
    err.print(f"in {rigs_folder()}; `save` while playing makes one", markup=False, highlight=False, soft_wrap=True)


def _allowed(name: str) -> str:
    control = CONTROLS[name]
    if control.choices:
        return " ".join(control.choices)
    if control.kind == "trigger":
        return ""
    if control.kind == "name":
        return "a word"
    if control.kind == "bool":
        return "true false"
    return f"{control.minimum:g}..{control.maximum:g} {control.unit}".strip()
