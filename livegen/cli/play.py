"""Commands that play live, or measure playing: jam, calibrate, bench."""

import contextlib
import faulthandler
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from livegen.cli.leave import leave_on_signals, leaving_at_once
from livegen.cli.options import (
    Channels,
    Json,
    Model,
    Models,
    PatchOption,
    Seed,
    Set,
    Strict,
    absolute,
    load_models,
    parse_controls,
    parse_models,
)
from livegen.cli.output import err, out, print_json, show_figures
from livegen.errors import AudioError, FormatError, RigError, TakeError
from livegen.system.resources import model_folder

_PATIENCE_SECONDS: Final = 10.0  # longest wait at the end for drivers that hang


def jam(
    rig: Annotated[
        str | None, typer.Option(help="A rig's name (`livegen rigs`) or its file: all of the below.")
    ] = None,
    set_list: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Songs, each with its rig; `next` goes on to the next.")
    ] = None,
    patch: Annotated[
        str | None, typer.Option(help="A patch's name (`livegen patches`) or its file, else plain.")
    ] = None,
    model: Models = None,
    audio: Annotated[str | None, typer.Option(help="Audio device or host API, or null.")] = None,
    rate: Annotated[int | None, typer.Option(min=8000, max=192000, help="Sample rate in Hz.")] = None,
    block: Annotated[int | None, typer.Option(min=16, max=8192, help="Samples a block.")] = None,
    latency_ms: Annotated[
        float | None, typer.Option(min=0, max=1000, help="The sound's way out, as calibrate tells it.")
    ] = None,
    audio_channels: Annotated[Channels | None, typer.Option(help="As in render; mix if left out.")] = None,
    midi_api: Annotated[str | None, typer.Option(help="auto, alsa, jack, coremidi, windows or none.")] = None,
    midi_in: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[,KEY=VALUE...]", help="Part of a MIDI input's name, and what it plays; repeatable."),
    ] = None,
    midi_out: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,KEY=VALUE...]", help="Part of a MIDI output's name, and how to play it; repeatable."
        ),
    ] = None,
    osc_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="UDP port for OSC, else 9124; 0 takes a free one.")
    ] = None,
    osc_host: Annotated[str | None, typer.Option(help="Address that OSC listens on, else 127.0.0.1.")] = None,
    link: Annotated[
        bool | None, typer.Option("--link/--no-link", help="Join the Ableton Link session of the network (extra link).")
    ] = None,
    web_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="TCP port of the stage page, else 9125; 0 takes a free one.")
    ] = None,
    web_host: Annotated[
        str | None, typer.Option(help="Address that the page is served on, else 127.0.0.1; 0.0.0.0 lets phones in.")
    ] = None,
    web: Annotated[bool | None, typer.Option("--web/--no-web", help="Whether to serve the stage page.")] = None,
    play: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Play a file into the session: .mid .vgm .vgz .nsf, or another score."),
    ] = None,
    play_voices: Annotated[
        str | None, typer.Option(metavar="p1,p2,tr,no", help="Which of its voices play, and are the performer's.")
    ] = None,
    strict: Strict = False,
    seconds: Annotated[float | None, typer.Option(min=0, help="Stop after this long.")] = None,
    seed: Seed = None,
    take: Annotated[
        Path | None, typer.Option("--take", metavar="DIR", help="Folder to keep the take in, else the usual one.")
    ] = None,
    no_take: Annotated[bool, typer.Option("--no-take", help="Record nothing.")] = False,
    capture: Annotated[
        str, typer.Option(metavar="ENDINGS", help="Kinds of files that capture writes beside the take.")
    ] = ".mid,.wav",
    set_: Set = None,
) -> None:
    """Jam: play a keyboard, the model plays along.

    An option stands over what the rig says, and the rig over its patch.

    Example: [bold]livegen jam --midi-in keystation --set temperature=0.9[/bold]
    """
    from livegen.cli.screen import Screen
    from livegen.formats.played import voices_named
    from livegen.inputs import midi_settings
    from livegen.offline.capture import capture_endings
    from livegen.outputs.midi_settings import parse_settings
    from livegen.patch import list_patches, load_patch
    from livegen.rig import Rig, load_library, load_rig, load_set_list
    from livegen.session.build import build_session
    from livegen.session.settings import Settings, recorded_to
    from livegen.system.memory import keep_memory_together
    from livegen.system.threads import least_priority
    from livegen.web.page.address import open_page
    from livegen.web.stage import Stage

    keep_memory_together()
    named, own = parse_models(model)
    said: dict[str, Any] = {
        "patch": absolute(patch, list_patches()),
        "model": named,
        "seed": seed,
        "audio": audio,
        "audio_channels": None if audio_channels is None else audio_channels.value,
        "rate": rate,
        "block": block,
        "latency_ms": latency_ms,
        "midi_api": midi_api,
        "midi_ins": tuple(midi_settings.parse_settings(text) for text in midi_in) if midi_in else None,
        "midi_outs": tuple(parse_settings(text) for text in midi_out) if midi_out else None,
        "osc_host": osc_host,
        "osc_port": osc_port,
        "link": link,
        "web_host": web_host,
        "web_port": web_port,
        "web": web,
    }
    controls = parse_controls(set_)
    if set_list is not None and rig is not None:
        raise RigError("--set-list names a rig for each song: leave out --rig, or it")
    songs = None if set_list is None else load_set_list(set_list)
    kept = songs.songs[0].rig if songs is not None else Rig() if rig is None else load_rig(rig)

    def said_over(rig: Rig) -> Rig:
        over = replace(rig, **{name: value for name, value in said.items() if value is not None})
        return replace(over, models={**(rig.models or {}), **own} or None)

    asked, others = said_over(kept), tuple[Rig, ...]()
    if songs is not None:
        songs = songs.over(said_over, controls)
        controls, others = {**songs.songs[0].controls}, tuple(song.rig for song in songs.songs[1:])
    folders = (kept.model,) if kept.model is not None and Path(kept.model).is_dir() else ()
    library = load_library(asked, folders, others)
    loaded_patch = load_patch(asked.patch or "plain")
    if play is None and play_voices is not None:
        raise FormatError("--play-voices says which voices of a file play: name it with --play FILE")
    if no_take and take is not None:
        raise TakeError("--no-take records nothing: leave out --take, or it")
    recorded = None if no_take else recorded_to(take, asked, library)
    settings = Settings(
        audio=asked.audio,
        is_apart=asked.audio_channels == Channels.VOICES,
        rate=asked.rate,
        block=asked.block,
        latency_ms=asked.latency_ms,
        midi_api=asked.midi_api or "auto",
        midi_ins=asked.midi_ins or (),
        midi_outs=asked.midi_outs or (),
        osc_host="127.0.0.1" if asked.osc_host is None else asked.osc_host,
        osc_port=asked.osc_port,
        link=bool(asked.link),
        play=play,
        play_voices=None if play_voices is None else voices_named(play_voices),
        is_strict=strict,
        seed=secrets.randbits(32) if asked.seed is None else asked.seed,
        controls={**asked.controls, **controls},
        library=library,
        rig=asked,
        set_list=songs,
        take=recorded,
        captures=capture_endings(capture),
        is_patient=seconds is not None,  # what lasts so long is to be music from its beginning
    )
    with leaving_at_once():
        page = None if asked.web is False else open_page(asked.web_host, asked.web_port)
        engine = load_models(asked.cast, "" if settings.is_patient else ": keys sound first, then the model joins in")
        session = build_session(engine, loaded_patch, settings)
        stage = None if page is None else Stage(session, page)
    session.warnings += [] if page is None else page.warnings
    session.warnings += [] if songs is None else songs.warnings
    leave = leave_on_signals()
    try:
        session.start(leave.ask)
        with least_priority(), Screen(session, err, page="" if page is None else page.address) as screen:
            while not leave.wait(0.1) and not (seconds is not None and session.seconds() >= seconds):
                screen.update()
    finally:
        with _deadline(_PATIENCE_SECONDS):
            session.stop()
            if stage is not None:
                stage.close()
    err.print(session.status.farewell(), highlight=False, markup=False, soft_wrap=True)


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
    compare: Annotated[
        Path | None,
        typer.Option(metavar="OLD.json", help="What --json wrote before: how many times as large each figure is."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw how the times are distributed, to a .png or .svg.")
    ] = None,
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
    from livegen.cli.bench import Times, measure, measure_hogged
    from livegen.cli.benchmark.compare import ratios, read_figures
    from livegen.cli.benchmark.picture import check_picture, write_distributions
    from livegen.patch import load_patch
    from livegen.session.settings import Settings

    folder, times = model_folder(model), Times()
    old = None if compare is None else read_figures(compare)
    if picture is not None:
        check_picture(picture)
    with err.status("measuring"):
        if hog:
            settings = Settings(audio=audio, midi_api=midi_api, osc_port=0, controls=parse_controls(set_))
            figures = measure_hogged(folder, load_patch(patch), seconds, settings)
        else:
            figures = measure(folder, session_seconds=seconds, audio=audio, patch=patch, times=times)
    if picture is not None:
        write_distributions(picture, times)
    show_figures(figures if old is None else {**figures, "ratios": ratios(figures, old)}, as_json)


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """End the process if the body takes longer, even while a driver blocks the whole interpreter."""
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
