"""Rendering: the same session without waiting."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hash_engine import HashEngine
from nsf_machine import NsfMachine
from numpy.typing import NDArray

from livegen.apu import (
    FULL_SCALE,
    LATENCY_SAMPLES,
    VOICES,
    Memory,
    MemoryChange,
    new_chip,
    read_samples,
    render_writes,
    voice_level,
    write_register,
)
from livegen.apu.frame_counter import RESET_CYCLES
from livegen.controls import VOICE_PREFIX, Value
from livegen.errors import FormatError
from livegen.events import Event, NoteOff, NoteOn, PitchWheel, SetControl
from livegen.formats.chip.nsf import TICK_US
from livegen.formats.chip.register_log import VGM_RATE_HZ, Tags
from livegen.formats.chip.vgm import read_vgm
from livegen.formats.score.kinds import SCORE_ENDINGS, read_piece, read_score
from livegen.formats.tracker.file import TRACKER_ENDINGS
from livegen.instrument.instrument import Instrument
from livegen.offline.render import RENDER_ENDINGS, RenderedFrame, check_output, render, render_to_file, write_rendered
from livegen.patch import load_patch
from livegen.score import Column, Voice
from livegen.synth.register_log import Writes, join_writes, power_up_writes, take_loads, take_writes
from livegen.units import CPU_CLOCK_HZ, frame_to_sample

RATE = 48_000
BOTH = ((NoteOn, (100,)), (NoteOff, ()))
CHANNEL_KEYS = ((0, 57), (1, 57), (2, 45), (9, 38))
TUNE: list[tuple[float, Event]] = [
    (0.0, NoteOn(0, 60, 100)),
    (0.30, NoteOff(0, 60)),
    (0.30, NoteOn(0, 64, 100)),
    (0.51, NoteOff(0, 64)),
    (0.52, NoteOn(0, 67, 100)),
    (0.53, NoteOff(0, 67)),
]
WHEELED: list[tuple[float, Event]] = sorted(
    [
        *((beat / 4, NoteOn(channel, key, 90)) for channel, key in CHANNEL_KEYS for beat in range(6)),
        *((beat / 4 + 0.2, NoteOff(channel, key)) for channel, key in CHANNEL_KEYS for beat in range(6)),
        *((0.01 * i, PitchWheel(channel, 8191 * (-1) ** (i // 3))) for channel, _ in CHANNEL_KEYS for i in range(150)),
    ],
    key=lambda timed: timed[0],
)
"""On every channel a note that is struck six times and bent; at key 57 the pulses cross a period's upper bits."""

AT_FULL_LEVEL: dict[str, Value] = {"volume": 1.0, **{f"{prefix}volume": 1.0 for prefix in VOICE_PREFIX.values()}}


def instrument(seed: int = 3, rate: int = RATE, **controls: Value) -> Instrument:
    named = {name.replace("_role", ".role"): value for name, value in controls.items()}
    return Instrument(HashEngine(), load_patch("plain"), rate, controls=named, seed=seed, n_channels=1)


def rendered(n_frames: int = 30, events: list[tuple[float, Event]] = TUNE, **given: Value) -> list[RenderedFrame]:
    return list(render(instrument(**given), n_frames, events))


def test_a_session_whose_sound_is_not_made_plays_the_same_score() -> None:
    heard = rendered(bpm=120.0)
    unheard = list(render(instrument(bpm=120.0), 30, TUNE, has_sound=False))
    assert [frame.frame.tobytes() for frame in unheard] == [frame.frame.tobytes() for frame in heard]
    assert [frame.is_player.tolist() for frame in unheard] == [frame.is_player.tolist() for frame in heard]
    assert {len(frame.samples) for frame in unheard} == {0}


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_every_frame_comes_with_its_own_samples(rate: int) -> None:
    frames = rendered(rate=rate)
    assert len(frames) == 30
    for index, frame in enumerate(frames):
        assert len(frame.samples) == frame_to_sample(index + 1, rate) - frame_to_sample(index, rate)
        assert np.isfinite(frame.samples).all()
    assert max(np.abs(frame.samples).max() for frame in frames) > 0.05


def test_the_same_seed_makes_the_same_music_and_another_another() -> None:
    first, second, other = rendered(), rendered(), rendered(seed=4)
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.samples, b.samples)
        assert np.array_equal(a.frame, b.frame)
    assert any(not np.array_equal(a.frame, b.frame) for a, b in zip(first, other, strict=True))


def test_a_prompt_s_notes_are_in_the_frames_in_which_they_fall() -> None:
    frames = rendered()
    notes = [int(frame.frame[0, 0]) for frame in frames]
    assert notes[:7] == [60] * 7
    assert notes[7:12] == [64] * 5
    assert notes[12] == 67  # a tap
    assert notes[13:] == [0] * 17
    assert all(list(frame.is_player) == [True, False, False, False] for frame in frames)


def test_without_a_prompt_nobody_is_a_player() -> None:
    assert not any(frame.is_player.any() for frame in rendered(events=[]))


def test_a_key_sounds_at_its_own_sample() -> None:
    alone = dict.fromkeys(("p2_role", "tr_role", "no_role"), "off")
    at = RATE // 3 + 11
    sound = np.concatenate(
        [f.samples for f in rendered(20, [(at / RATE, NoteOn(0, 80, 127))], p1_role="player", seed=3, **alone)]
    )
    silent = np.concatenate([f.samples for f in rendered(20, [], p1_role="player", seed=3, **alone)])
    assert np.array_equal(sound[:at], silent[:at])
    assert not np.array_equal(sound[at : at + 64], silent[at : at + 64])


def test_the_model_hears_a_key_in_the_next_frame() -> None:
    """An event early in a frame changes what the model plays in the next one, and nothing before."""
    free = {"sync": "none"}  # on a beat, not every frame has new notes
    with_key, without = rendered(20, [(0.505, NoteOn(0, 60, 100))], **free), rendered(20, [], **free)
    differs = [not np.array_equal(a.frame[1:], b.frame[1:]) for a, b in zip(with_key, without, strict=True)]
    assert not any(differs[:13])
    assert all(differs[13:])


def test_a_session_with_no_frames_is_empty() -> None:
    assert rendered(0) == []


def test_each_kind_of_file_is_the_same_again_for_the_same_seed(tmp_path: Path) -> None:
    told: list[int] = []
    for ending in RENDER_ENDINGS:
        for name in ("a", "b"):
            path = tmp_path / f"{name}{ending}"
            render_to_file(instrument(), path, 24, TUNE, tags=Tags("Same"), on_frame=lambda: told.append(1))
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()
    assert len(told) == 2 * len(RENDER_ENDINGS) * 24


def test_the_score_is_the_same_in_every_format(tmp_path: Path) -> None:
    for ending in SCORE_ENDINGS:
        render_to_file(instrument(), tmp_path / f"a{ending}", 30, TUNE)
    expected = np.stack([frame.frame for frame in rendered()])
    for ending in (ending for ending in SCORE_ENDINGS if ending not in TRACKER_ENDINGS):
        columns = slice(1) if ending == ".seprsco.pkl" else slice(3)
        assert np.array_equal(read_score(tmp_path / f"a{ending}")[..., columns], expected[..., columns])


@pytest.mark.parametrize("ending", TRACKER_ENDINGS)
def test_a_tracker_has_the_model_s_notes_as_they_are_and_the_player_s_with_the_patch(
    tmp_path: Path, ending: str
) -> None:
    render_to_file(instrument(), tmp_path / f"a{ending}", 30, TUNE)
    played = np.stack([frame.is_player for frame in rendered()]).any(axis=0)
    expected, found = np.stack([frame.frame for frame in rendered()]), read_piece(tmp_path / f"a{ending}")
    is_heard = (expected[..., Column.VOLUME] > 0) | (np.arange(4) == Voice.TR)
    notes = expected[..., Column.NOTE] * is_heard
    assert np.array_equal(found.frames[:, ~played, Column.NOTE], notes[:, ~played])
    assert found.player is not None
    assert np.array_equal(found.player.any(axis=0), played)
    assert (
        "15 14 13 12 7 3 0".replace(" ", "," if ending == ".fs.txt" else " ") in (tmp_path / f"a{ending}").read_text()
    )


def logged(
    path: Path, played: Instrument, events: list[tuple[float, Event]], n_frames: int
) -> tuple[NDArray[np.float32], Writes, Memory]:
    """Render a session to a file of register writes; return its sound and what it wrote to its chip, as it wrote it."""
    sound, writes, log = [], [power_up_writes()], played.callback["log"]
    loads: list[MemoryChange] = []

    def frames() -> Iterator[RenderedFrame]:
        for frame in render(played, n_frames, events):
            sound.append(frame.samples.ravel())
            writes.append(take_writes(log.copy()))
            loads.extend(take_loads(log.copy()))
            yield frame

    write_rendered(path, played, frames(), n_frames)
    assert int(log["n_lost"][0]) == 0
    return np.concatenate(sound)[LATENCY_SAMPLES:], join_writes(writes), Memory(changes=tuple(loads))


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize(
    ("patch", "seed"),
    [
        *(
            ("plain", 1),
            ("plain", 2),
            ("hardware_rig", 3),
            ("boss_fight", 4),
            ("arcade", 5),
            ("drums", 6),
            ("canon", 7),
        ),
        ("sampled", 8),
    ],
)
def test_register_writes_sound_as_the_session(tmp_path: Path, patch: str, seed: int, rate: int) -> None:
    """Every write is in the file, in its order, and at 44.1 kHz in its cycle.

    At another rate it is at the nearest sample at 44.1 kHz, at most half of one away. That is a note's own phase: a
    clock of the timer may come before or after the write, and a pulse begins a step of its sequence elsewhere.
    """
    played = Instrument(HashEngine(str(seed)), load_patch(patch), rate, controls=AT_FULL_LEVEL, seed=seed, n_channels=1)
    sound, (cycle, address, value), memory = logged(tmp_path / "a.vgm", played, WHEELED, 40)

    def difference(cpu_clock_hz: float, memory: Memory, *writes: NDArray[np.integer]) -> float:
        written = render_writes(
            *writes, cpu_clock_hz=cpu_clock_hz, sample_rate=rate, n_samples=len(sound), memory=memory
        )
        return float(np.abs(FULL_SCALE * written - sound)[1000:].max())  # after the ramp with which a session begins

    assert bool(memory) == (patch == "sampled")
    assert difference(CPU_CLOCK_HZ["ntsc"], memory, cycle, address, value) < 1e-6
    log = read_vgm(tmp_path / "a.vgm")
    assert log.length == frame_to_sample(40, VGM_RATE_HZ)
    assert np.array_equal(log.address, address)
    assert np.array_equal(log.value, value)
    if rate == VGM_RATE_HZ:
        assert np.array_equal(log.cycle, cycle)
        assert difference(log.cpu_clock_hz, log.memory, log.cycle, log.address, log.value) < 1e-6
    half_a_sample = CPU_CLOCK_HZ["ntsc"] / VGM_RATE_HZ / 2
    assert np.abs(log.cycle - cycle).max() < half_a_sample + 1  # the file's is the first cycle of its sample
    is_reset = log.address[:-1] == 0x4017
    assert (np.diff(log.cycle)[is_reset] >= RESET_CYCLES).all()


def sounding(writes: Writes, cycles: NDArray[np.float64]) -> list[dict[str, tuple[int, ...]]]:
    """Return what each voice sounds at some CPU cycles: level, then period and timbre unless it is silent."""
    chip, at, read, out = new_chip(cpu_clock_hz=CPU_CLOCK_HZ["ntsc"], sample_rate=8_000), 0, 0, np.zeros(8_000)
    seen = []
    for cycle in cycles:
        while at < len(writes[0]) and writes[0][at] < cycle:
            write_register(chip[0], *(int(column[at]) for column in writes))
            at += 1
        n_samples = int(cycle / CPU_CLOCK_HZ["ntsc"] * 8_000) - read
        read_samples(chip[0], n_samples, out)
        read += n_samples
        pulses, triangle, noise = (chip[name][0] for name in ("pulses", "triangle", "noise"))
        voices = {
            "p1": (pulses[0]["timer_period"], pulses[0]["duty"]),
            "p2": (pulses[1]["timer_period"], pulses[1]["duty"]),
            "tr": (triangle["timer_period"],),
            "no": (noise["period_index"], noise["mode"]),
        }
        levels = {name: int(voice_level(chip[0], VOICES.index(name))) for name in voices}
        seen.append({name: (levels[name], *map(int, voices[name] if levels[name] else ())) for name in voices})
    return seen


@pytest.mark.parametrize(("patch", "seed"), [("plain", 1), ("hardware_rig", 2), ("boss_fight", 3), ("drums", 4)])
def test_an_nsf_file_sounds_what_the_session_does_between_any_two_ticks(tmp_path: Path, patch: str, seed: int) -> None:
    played = Instrument(HashEngine(str(seed)), load_patch(patch), RATE, controls=AT_FULL_LEVEL, seed=seed, n_channels=1)
    _, writes, _ = logged(tmp_path / "a.nsf", played, WHEELED, 40)
    machine = NsfMachine((tmp_path / "a.nsf").read_bytes())
    tick_cycles = CPU_CLOCK_HZ["ntsc"] * TICK_US["ntsc"] / 1e6
    ticks = [machine.tick() for _ in range(99)]
    stores = [
        (round(index * tick_cycles) + 20 * place, 0x4000 + register, value)  # about as fast as PLAY stores them
        for index, tick in enumerate(ticks)
        for place, (register, value) in enumerate(tick)
    ]
    middles = (np.arange(len(ticks)) + 0.5) * tick_cycles
    assert sounding(tuple(np.array(column) for column in zip(*stores, strict=True)), middles) == sounding(
        writes, middles
    )


def test_a_loop_of_register_writes_begins_where_it_was_told(tmp_path: Path) -> None:
    render_to_file(instrument(rate=44_100), tmp_path / "a.vgm", 40, TUNE, loop_from=0.5)
    log = read_vgm(tmp_path / "a.vgm")
    assert log.length == frame_to_sample(40, 44_100)
    assert log.loop is not None
    assert log.loop.start == 22_050


def test_nothing_of_a_busy_performer_is_lost(tmp_path: Path) -> None:
    keys = [(0.3 + i / 5000, kind(0, 60 + i % 20, *more)) for i in range(600) for kind, more in BOTH]
    busy = instrument(rate=44_100, p1_role="player")
    render_to_file(busy, tmp_path / "a.nsf", 24, keys)
    assert int(busy.callback["log"]["n_lost"][0]) == 0


@pytest.mark.parametrize("ending", [".wav", ".flac"])
def test_the_file_is_the_sound_and_fades_over_its_last_10_ms(tmp_path: Path, ending: str) -> None:
    render_to_file(instrument(), tmp_path / f"out{ending}", 30, TUNE)
    read, rate = soundfile.read(tmp_path / f"out{ending}")
    sound = np.concatenate([frame.samples for frame in rendered()]).ravel()
    n_faded = RATE // 100
    assert (rate, len(read)) == (RATE, len(sound))
    level = 1 / 32_768
    assert np.abs(read[:-n_faded] - sound[:-n_faded]).max() <= 2 * level
    gain = 1 - np.arange(1, n_faded + 1) / n_faded
    assert np.abs(read[-n_faded:] - gain * sound[-n_faded:]).max() <= 2 * level
    assert np.abs(sound[-n_faded:]).max() > 0.01
    assert read[-1] == 0


def test_the_voices_apart_are_four_channels_of_the_file(tmp_path: Path) -> None:
    apart = Instrument(HashEngine(), load_patch("plain"), RATE, controls={"tr.mute": True}, is_apart=True)
    render_to_file(apart, tmp_path / "out.wav", 30, TUNE)
    read, _ = soundfile.read(tmp_path / "out.wav")
    assert read.shape == (frame_to_sample(30, RATE), 4)
    assert [bool(channel.any()) for channel in read.T] == [True, True, False, True]


def test_the_score_says_what_was_the_player_s(tmp_path: Path) -> None:
    render_to_file(instrument(), tmp_path / "out.npz", 10, [(0.2, NoteOn(0, 60, 100))])
    with np.load(tmp_path / "out.npz", allow_pickle=False) as stored:
        frames, player = stored["frames"], stored["player"]
    assert np.array_equal(player[:, 0], [False] * 4 + [True] * 6)
    assert (frames[4:, 0, 0] == 60).all()


def test_controls_of_a_prompt_take_effect() -> None:
    frames = rendered(40, [(0.5, SetControl("stop", True)), (1.0, SetControl("start", True))], sync="none")
    silent = [not frame.frame.any() for frame in frames]
    assert silent == [False] * 13 + [True] * 12 + [False] * 15


def test_what_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    check_output(tmp_path / "song.WAV")
    with pytest.raises(FormatError, match=r"song\.ogg .*\.wav, \.flac, \.mid.*\.nsf.*\.svg"):
        check_output(tmp_path / "song.ogg")
    with pytest.raises(FormatError, match="no folder"):
        check_output(tmp_path / "missing" / "song.wav")


def test_a_tempo_that_is_known_is_the_midi_file_s(tmp_path: Path) -> None:
    render_to_file(instrument(bpm=96.0), tmp_path / "a.mid", 48, TUNE)
    render_to_file(instrument(bpm=96.0), tmp_path / "a.npz", 48, TUNE)
    render_to_file(instrument(sync="none"), tmp_path / "b.mid", 12)
    render_to_file(instrument(), tmp_path / "c.mid", 12)
    piece = read_piece(tmp_path / "a.mid")
    assert piece.tempos == ((0, pytest.approx(96.0, rel=1e-4)),)
    assert np.array_equal(piece.frames, read_score(tmp_path / "a.npz"))
    assert read_piece(tmp_path / "b.mid").tempos == ()
    ((first, bpm),) = read_piece(tmp_path / "c.mid").tempos  # its own
    assert (first, bpm) == (0, pytest.approx(instrument().state.tempo.bpm, rel=1e-4))
