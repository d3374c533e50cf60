"""Commands that play: jam, render, convert, bench."""

import contextlib
import faulthandler
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from livegen.cli.options import Json, Model, PatchOption, Seed, Set, load_model, model_folder, parse_controls
from livegen.cli.output import err, out, print_json, progress_bar, show_figures
from livegen.errors import AudioError

_PATIENCE_SECONDS: Final = 10.0  # with drivers that hang at the end


class Channels(StrEnum):
    """What the channels of the sound carry."""

    MIX = "mix"
    VOICES = "voices"


ChannelsOption = Annotated[
    Channels, typer.Option("--audio-channels", help="The mix on every channel, or each voice on its own of four.")
]


def jam(
    patch: PatchOption = "plain",
    model: Model = "default",
    audio: Annotated[str | None, typer.Option(help="Audio device or host API, or null.")] = None,
    rate: Annotated[int | None, typer.Option(min=8000, max=192000, help="Sample rate in Hz.")] = None,
    block: Annotated[int | None, typer.Option(min=16, max=8192, help="Samples a block.")] = None,
    latency_ms: Annotated[
        float | None, typer.Option(min=0, max=1000, help="The sound's way out, as calibrate tells it.")
    ] = None,
    audio_channels: ChannelsOption = Channels.MIX,
    midi_api: Annotated[str, typer.Option(help="auto, alsa, jack, coremidi, windows or none.")] = "auto",
    midi_in: Annotated[str | None, typer.Option(help="Part of a MIDI input's name.")] = None,
    midi_out: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,KEY=VALUE...]", help="Part of a MIDI output's name, and how to play it; repeatable."
        ),
    ] = None,
    osc_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="UDP port for OSC, else 9124; 0 takes a free one.")
    ] = None,
    osc_host: Annotated[str, typer.Option(help="Address that OSC listens on.")] = "127.0.0.1",
    play: Annotated[Path | None, typer.Option(metavar="FILE.mid", help="Play a MIDI file into the session.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Stop after this long.")] = None,
    seed: Seed = None,
    set_: Set = None,
) -> None:
    """Jam: play a keyboard, the model plays along.

    Example: [bold]livegen jam --midi-in keystation --set temperature=0.9[/bold]
    """
    from livegen.outputs.midi_settings import parse_settings
    from livegen.patch import load_patch
    from livegen.screen import Screen
    from livegen.session.session import Session, Settings

    controls = parse_controls(set_)
    settings = Settings(
        audio=audio,
        is_apart=audio_channels is Channels.VOICES,
        rate=rate,
        block=block,
        latency_ms=latency_ms,
        midi_api=midi_api,
        midi_in=midi_in,
        midi_outs=tuple(parse_settings(text) for text in midi_out or ()),
        osc_host=osc_host,
        osc_port=osc_port,
        play=play,
        seed=secrets.randbits(32) if seed is None else seed,
        controls=controls,
    )
    loaded_patch = load_patch(patch)
    predictor = load_model(model)
    session = Session(predictor, loaded_patch, settings)
    leave = _leave_on_signals()
    try:
        session.start(leave.set)
        with Screen(session, err, model=predictor.name, patch=loaded_patch.name) as screen:
            while not leave.wait(0.1) and not (seconds is not None and session.seconds() >= seconds):
                screen.update()
    finally:
        with _deadline(_PATIENCE_SECONDS):
            session.stop()
    err.print(session.farewell(), highlight=False, markup=False, soft_wrap=True)


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
        Path, typer.Argument(metavar="OUT", help="What to write: .wav .flac out of a VGM file, a score out of a score")
    ],
    rate: Annotated[int | None, typer.Option(min=8000, max=192000, help="Sample rate in Hz, else 48000.")] = None,
    voices: Annotated[
        str | None, typer.Option(metavar="p1,p2,tr,no", help="The voices that sound, else all; dm is $4011's level.")
    ] = None,
    filters: Annotated[
        bool | None, typer.Option("--filters/--no-filters", help="The console's output filters, else on.")
    ] = None,
    mixer: Annotated[str | None, typer.Option(help="nonlinear, the console's, or linear.")] = None,
    loops: Annotated[
        int | None, typer.Option(min=1, max=1000, help="How often a VGM's loop is played, else once.")
    ] = None,
) -> None:
    """Convert a file into one of another kind, by the endings of their names.

    Sound is as loud as jam at volume 1, where the four voices at their loudest just reach full scale.

    Without filters it is the mixer's output as it is, with its constant part.

    Example: [bold]livegen convert song.vgz song.wav --voices p1,tr[/bold]
    """
    from livegen.formats.convert import Options
    from livegen.formats.convert import convert as convert_file

    options = Options(
        rate=rate,
        voices=None if voices is None else tuple(name.strip().lower() for name in voices.split(",")),
        filters=filters,
        mixer=mixer,
        loops=loops,
    )
    with progress_bar() as progress:
        task = progress.add_task(out_file.name, total=1.0)
        report = convert_file(in_file, out_file, options, progress=lambda done: progress.update(task, completed=done))
    said = ", ".join([f"{report.seconds:.1f} s", *report.remarks])
    err.print(f"wrote {out_file}: {said}", highlight=False, markup=False, soft_wrap=True)


def calibrate(
    audio: Annotated[str | None, typer.Option(help="Audio device or host API.")] = None,
    rate: Annotated[int | None, typer.Option(min=8000, max=192000, help="Sample rate in Hz.")] = None,
    block: Annotated[int | None, typer.Option(min=16, max=8192, help="Samples a block.")] = None,
    as_json: Json = False,
) -> None:
    """Measure how long sound takes out and back in: connect the output with the input first.

    Half of that is the way out, which MIDI out waits for.

    Example: [bold]livegen calibrate --audio JACK[/bold]
    """
    from livegen.outputs.loopback import N_CLICKS, measure_round_trip

    with err.status("clicking"):
        trip = measure_round_trip(audio, rate, block or 0)
    if not trip.n_heard:
        raise AudioError(
            f"no click came back on the input of {trip.device}: connect its output with its input, by a cable or in "
            "JACK's patch bay, turn both up, and calibrate again"
        )
    way_out_ms = round(trip.milliseconds / 2, 1)
    if as_json:
        print_json({**asdict(trip), "milliseconds": trip.milliseconds, "latency_ms": way_out_ms})
        return
    out.print(
        f"{trip.device}: {trip.n_heard} of {N_CLICKS} clicks came back after {trip.samples} samples, "
        f"{trip.milliseconds:.1f} ms at {trip.sample_rate} Hz (spread {trip.spread_samples} samples; the device says "
        f"{trip.reported_ms:.1f} ms for its output)\nplay with: livegen jam --latency-ms {way_out_ms}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def bench(
    model: Model = "default",
    as_json: Json = False,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long a session plays.")] = 5.0,
    audio: Annotated[str | None, typer.Option(help="Audio device or host API, or null.")] = None,
    patch: PatchOption = "plain",
    hog: Annotated[bool, typer.Option("--hog", hidden=True, help="Only play, with a busy interpreter.")] = False,
    midi_api: Annotated[str, typer.Option(hidden=True, help="With --hog, as in jam.")] = "none",
    set_: Annotated[list[str] | None, typer.Option("--set", hidden=True, help="With --hog, as in jam.")] = None,
) -> None:
    """Measure this machine: model, chip, audio callback and start-up.

    Example: [bold]livegen bench --json[/bold]
    """
    from livegen.bench import measure, measure_hogged
    from livegen.patch import load_patch
    from livegen.session.session import Settings

    folder = model_folder(model)
    with err.status("measuring"):
        if hog:
            settings = Settings(audio=audio, midi_api=midi_api, osc_port=0, controls=parse_controls(set_))
            figures = measure_hogged(folder, load_patch(patch), seconds, settings)
        else:
            figures = measure(folder, session_seconds=seconds, audio=audio, patch=patch)
    show_figures(figures, as_json)


def _leave_on_signals() -> threading.Event:
    leave = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: leave.set())
    return leave


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """End the process if the body takes longer, also while a driver keeps the whole interpreter waiting."""
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
