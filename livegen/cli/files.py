"""Commands that write files without playing them: render, convert."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from livegen.cli.options import (
    Channels,
    ChannelsOption,
    Models,
    PatchOption,
    Seed,
    Set,
    Strict,
    parse_controls,
    parse_models,
    say_if_compiling,
)
from livegen.cli.output import progress_bar, say, warn
from livegen.errors import FormatError, LivegenError
from livegen.system.resources import model_folder


class MidiLayout(StrEnum):
    """How a score is laid out in a MIDI file."""

    EXACT = "exact"
    DAW = "daw"


class Tracks(StrEnum):
    """Which songs of a file become files."""

    ALL = "all"


class Limits(StrEnum):
    """What becomes of a song that is too long for a network to learn from."""

    SPLIT = "split"
    DROP = "drop"


MidiLayoutOption = Annotated[
    MidiLayout | None,
    typer.Option(help="exact, else: all of the score, as NES-MDB has it; daw: notes for any instrument to play."),
]
Title = Annotated[str | None, typer.Option(help="Name of the song, for the file's tags.")]
Author = Annotated[str | None, typer.Option(help="Who made it, for the file's tags.")]
LoopFrom = Annotated[
    float | None,
    typer.Option(min=0, metavar="SECONDS", help="Where players of the file go on after its end, else they stop."),
]


def render(
    out_file: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help=".wav .flac, a score: .mid .npz .exprsco.pkl .seprsco.pkl, a tracker's text: .ftm.txt .fs.txt, "
            "register writes: .vgm .vgz .nsf, a picture: .png .svg",
        ),
    ],
    seconds: Annotated[float, typer.Option(min=0.1, max=36_000, help="Length.")] = 30.0,
    prompt: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What a performer plays from the start: .mid .vgm .vgz .nsf, or another score."
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many files, with one seed after another.")] = 1,
    jobs: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many at a time, each on a core of its own; else all cores.")
    ] = None,
    patch: PatchOption = "plain",
    model: Models = None,
    rate: Annotated[int | None, typer.Option(min=8000, max=192000, help="Sample rate in Hz, else 48000.")] = None,
    audio_channels: ChannelsOption = Channels.MIX,
    loop_from: LoopFrom = None,
    midi_layout: MidiLayoutOption = None,
    title: Title = None,
    author: Author = None,
    seed: Seed = None,
    strict: Strict = False,
    set_: Set = None,
) -> None:
    """Render a session offline, the same one that `jam` plays live.

    Example: [bold]livegen render song.wav --seconds 60 --seed 7[/bold]

    With --count 20 the files are song-01.wav to song-20.wav, and the seeds count up.
    """
    from livegen.formats.chip.register_log import Tags
    from livegen.formats.files import refuse
    from livegen.offline.batch import Renders, numbered, render_all, usual_jobs
    from livegen.rig import Rig
    from livegen.units import frame_to_seconds, seconds_to_frame

    first_seed = secrets.randbits(32) if seed is None else seed
    paths = numbered(out_file, count)
    named, own = parse_models(model)
    renders = Renders(
        paths=paths,
        seeds=tuple((first_seed + number) % 2**63 for number in range(count)),
        n_frames=max(seconds_to_frame(seconds), 1),
        cast=Rig(model=named, models=own).cast,
        patch=patch,
        prompt=prompt,
        controls=parse_controls(set_),
        rate=rate,
        is_apart=audio_channels is Channels.VOICES,
        tags=Tags(title=title or "", author=author or ""),
        loop_from=loop_from,
        is_for_daw=midi_layout is MidiLayout.DAW,
    )
    renders.check()
    for text in renders.cast.models:
        model_folder(text)
    say_if_compiling()
    failures = []
    with progress_bar() as progress:
        task = progress.add_task(out_file.name, total=renders.n_frames * count)
        rendered = render_all(
            renders,
            n_jobs=usual_jobs() if jobs is None else jobs,
            on_frame=lambda: progress.advance(task),
            warn=refuse if strict else warn,
            tell=warn,
        )
        for done in rendered:
            if done.error is None:
                length = frame_to_seconds(renders.n_frames)
                say(f"wrote {paths[done.index]}: {length:.1f} s, seed {renders.seeds[done.index]}")
            elif count > 1:
                say(f"failed {paths[done.index]}: {done.error}")
            failures += [done.error] if done.error is not None else []
    if failures:
        raise FormatError(failures[0] if count == 1 else f"{len(failures)} of {count} files could not be rendered")


def convert(
    in_file: Annotated[
        Path,
        typer.Argument(
            metavar="IN",
            help="What to read: .vgm .vgz .vgm.gz .nsf .nsfe, another score: .mid .rmi .kar .npz .exprsco.pkl "
            ".seprsco.pkl, or a tracker's text: .ftm.txt .fs.txt .txt, or words: .tx1.txt .events.txt, or a .wav for a "
            "sample",
        ),
    ],
    out_file: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help=".wav .flac .vgm .vgz .nsf, a score, words, .ftm.txt (FamiTracker), .fs.txt (FamiStudio), .png, .svg, "
            "or .dmc out of .wav",
        ),
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
        int | None, typer.Option(min=1, max=1000, help="How often a tune's loop is played, else once.")
    ] = None,
    track: Annotated[
        int | None,
        typer.Option(min=1, max=255, help="Which song of an NSF or a tracker's text, else the one it begins with."),
    ] = None,
    tracks: Annotated[
        Tracks | None, typer.Option(help="all: every song of an NSF, each to a file of its own, OUT with its number.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, max=10_800, help="How long an NSF's song plays, else as is said or found."),
    ] = None,
    loop_from: LoopFrom = None,
    midi_layout: MidiLayoutOption = None,
    limits: Annotated[
        Limits | None,
        typer.Option(help="Songs of over 10,000 events as words: split into several, else drop; else split."),
    ] = None,
    title: Title = None,
    author: Author = None,
    strict: Strict = False,
) -> None:
    """Convert a file into one of another kind, by the endings of their names.

    Sound is as loud as jam at volume 1, where the four voices at their loudest just reach full scale.

    Without filters it is the mixer's output as it is, with its constant part.

    Example: [bold]livegen convert song.mid song.vgm --title "My song" --loop-from 4[/bold]
    """
    from livegen.formats.files import refuse
    from livegen.offline.convert import Options
    from livegen.offline.convert import convert as convert_file

    options = Options(
        rate=rate,
        voices=None if voices is None else tuple(name.strip().lower() for name in voices.split(",")),
        audio_channels=None if audio_channels is None else audio_channels.value,
        filters=filters,
        mixer=mixer,
        loops=loops,
        track=track,
        seconds=seconds,
        loop_from=loop_from,
        midi_layout=None if midi_layout is None else midi_layout.value,
        limits=None if limits is None else limits.value,
        title=title,
        author=author,
    )
    if tracks is not None and track is not None:
        raise FormatError("--tracks all takes every song: leave out --track, or it")
    told = refuse if strict else warn
    songs: Sequence[tuple[int | None, Path]] = [(track, out_file)]
    if tracks is not None:
        from livegen.offline.tracks import song_targets

        songs = song_targets(in_file, out_file)
    failures = []
    with progress_bar() as progress:
        task = progress.add_task(out_file.name, total=float(len(songs)))

        def advance(before: int, done: float) -> None:
            progress.update(task, completed=before + done)

        for place, (song, target) in enumerate(songs):
            asked = replace(options, track=song)
            try:
                report = convert_file(in_file, target, asked, progress=partial(advance, place), warn=told)
            except LivegenError as error:
                if len(songs) == 1:
                    raise
                say(f"failed {target}: {error}")
                failures.append(error)
                continue
            say(f"wrote {target}: {', '.join([f'{report.seconds:.1f} s', *report.remarks])}")
    if failures:
        raise FormatError(f"{len(failures)} of {len(songs)} songs could not be converted")
