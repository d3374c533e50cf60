"""Commands that write files without playing them: render, convert."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from livegen.cli.options import (
    Channels,
    ChannelsOption,
    Model,
    PatchOption,
    Seed,
    Set,
    load_model,
    parse_controls,
)
from livegen.cli.output import err, progress_bar

Title = Annotated[str | None, typer.Option(help="Name of the song, for the file's tags.")]
Author = Annotated[str | None, typer.Option(help="Who made it, for the file's tags.")]
LoopFrom = Annotated[
    float | None,
    typer.Option(min=0, metavar="SECONDS", help="Where players of the file go on after its end, else they stop."),
]


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
    predictor = load_model(model)
    compile_all(predictor, loaded_patch)
    instrument = Instrument(
        predictor,
        loaded_patch,
        rate,
        controls=parse_controls(set_),
        seed=secrets.randbits(32) if seed is None else seed,
        n_channels=1,
        is_apart=audio_channels is Channels.VOICES,
    )
    n_frames = max(seconds_to_frame(seconds), 1)
    with progress_bar() as progress:
        task = progress.add_task(out_file.name, total=n_frames)
        render_to_file(instrument, out_file, n_frames, events, on_frame=lambda: progress.advance(task))
    err.print(
        f"wrote {out_file}: {frame_to_seconds(n_frames):.1f} s, seed {instrument.state.seed}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def convert(
    in_file: Annotated[
        Path,
        typer.Argument(metavar="IN", help="What to read: .vgm .vgz, or a score: .mid .npz .exprsco.pkl .seprsco.pkl"),
    ],
    out_file: Annotated[
        Path,
        typer.Argument(metavar="OUT", help=".wav .flac .vgm .vgz .nsf, or out of a score another score, .png or .svg"),
    ],
    rate: Annotated[int | None, typer.Option(min=8000, max=192000, help="Sample rate in Hz, else 48000.")] = None,
    voices: Annotated[
        str | None, typer.Option(metavar="p1,p2,tr,no", help="The voices that sound, else all; dm is $4011's level.")
    ] = None,
    audio_channels: Annotated[
        Channels | None, typer.Option(help="One channel with the mix, or one for each voice; else the mix.")
    ] = None,
    filters: Annotated[
        bool | None, typer.Option("--filters/--no-filters", help="The console's output filters, else on.")
    ] = None,
    mixer: Annotated[str | None, typer.Option(help="nonlinear, the console's, or linear.")] = None,
    loops: Annotated[
        int | None, typer.Option(min=1, max=1000, help="How often a VGM's loop is played, else once.")
    ] = None,
    loop_from: LoopFrom = None,
    title: Title = None,
    author: Author = None,
) -> None:
    """Convert a file into one of another kind, by the endings of their names.

    Sound is as loud as jam at volume 1, where the four voices at their loudest just reach full scale.

    Without filters it is the mixer's output as it is, with its constant part.

    Example: [bold]livegen convert song.mid song.vgm --title "My song" --loop-from 4[/bold]
    """
    from livegen.session.convert import Options
    from livegen.session.convert import convert as convert_file

    options = Options(
        rate=rate,
        voices=None if voices is None else tuple(name.strip().lower() for name in voices.split(",")),
        audio_channels=None if audio_channels is None else audio_channels.value,
        filters=filters,
        mixer=mixer,
        loops=loops,
        loop_from=loop_from,
        title=title,
        author=author,
    )
    with progress_bar() as progress:
        task = progress.add_task(out_file.name, total=1.0)
        report = convert_file(in_file, out_file, options, progress=lambda done: progress.update(task, completed=done))
    said = ", ".join([f"{report.seconds:.1f} s", *report.remarks])
    err.print(f"wrote {out_file}: {said}", highlight=False, markup=False, soft_wrap=True)
