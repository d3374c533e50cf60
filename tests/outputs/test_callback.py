"""The audio callback: block invariance, commands, late frames, offsets, levels, and what it counts."""

import ctypes
from collections.abc import Callable

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.runtime import _nrt_python, rtsys
from numpy.typing import NDArray
from ring import push_command

from livegen.outputs.callback import (
    MAX_PIECE_SAMPLES,
    N_RINGS,
    RING_SIZE,
    TIMED_RING,
    detach,
    new_callback,
    publish_commands,
    stage_command,
)
from livegen.outputs.native import native_callback, play_live, play_offline
from livegen.patch import Patch, load_patch, parse_patch
from livegen.score import NOTE_RANGE, VOLUME_MAX, Voice
from livegen.score_table import MODEL, PLAYER, RELEASE_AFTER_FRAMES, FrameBeat, PlannedFrame, write_frames
from livegen.synth.commands import COMMAND, EXPRESS, GIVE_TO_MODEL, KEY_DOWN, KEY_UP, SET_CHORD, SILENCE_ALL
from livegen.units import FRAME_RATE_HZ, frame_to_sample

RATE = 48_000
RAMP_SAMPLES = 240
"""The 5 ms over which levels move."""

PLAIN = load_patch("plain")
FULL = parse_patch(
    """
[p1]
volume = [15, 13, 10, 6, 3]
volume_loop = 1
volume_release = 2
timbre = [0, 1, 2]
vibrato_depth = 90
vibrato_speed = 7.3
portamento = 70
model_sound = "patch"
[p2]
echo = 8
echo_delay = 3
detune = 6
tremolo_depth = 4
[tr]
arpeggio = [0, 12, 7]
arpeggio_loop = 0
slide_from = -5
[no]
model_sound = "patch"
volume = [13, 8, 4, 2, 0]
[drums.36]
kick = [62, 55, 48, 40]
volume = [15, 10, 0]
""",
    "full.toml",
    "full",
)
"""A bit of everything at once."""

Callback = NDArray[np.void]


def new(n_channels: int = 1, rate: int = RATE, patch: Patch = PLAIN, *, is_apart: bool = False) -> Callback:
    """Return a callback whose level is up."""
    callback = new_callback(rate, patch, n_channels=n_channels, is_apart=is_apart)
    callback["mix"]["master"] = callback["mix"]["master_now"] = 1.0
    return callback


def render(callback: Callback, n_samples: int) -> NDArray[np.float32]:
    out = np.full(n_samples * int(callback["n_channels"][0]), np.nan, np.float32)
    play_offline(callback, out, n_samples)
    return out


def command(
    callback: Callback,
    kind: int,
    voice: Voice = Voice.P1,
    note: int = 69,
    *,
    ring: int = 0,
    order: int,
    **fields: object,
) -> bool:
    record = np.zeros(1, COMMAND)
    record["kind"], record["voice"], record["note"], record["order"] = kind, int(voice), note, order
    record["volume"], record["n_notes"], record["notes"][0, 0] = 15, 1, note
    for name, value in fields.items():
        record[name] = value
    return push_command(callback[0], ring, record[0])


def frame_of(index: int, seed: int = 0, offset: float = 0.0, owner: int = MODEL) -> PlannedFrame:
    """Return a frame with something on every voice."""
    random = np.random.default_rng((seed, index))
    rows = [(random.integers(*NOTE_RANGE[v], endpoint=True), min(9, VOLUME_MAX[v]), 0) for v in Voice]
    return PlannedFrame(index, np.array(rows, np.uint8), np.full(4, owner, np.uint8), np.full(4, offset))


def sounding(callback: Callback) -> list[int]:
    return [int(note) for note in callback["synth"]["voices"]["playing"]["note"][0]]


Action = Callable[[Callback], object]
SCENE: list[tuple[int, Action]] = [
    (0, lambda e: write_frames(e["table"], [frame_of(k) for k in range(3)])),
    (700, lambda e: command(e, KEY_DOWN, note=60, order=1)),
    (1500, lambda e: write_frames(e["table"], [frame_of(3, offset=-0.4), frame_of(4, offset=0.3), frame_of(5)])),
    (1501, lambda e: e["mix"]["gains"].__setitem__((0, 1), 0.25)),
    (2600, lambda e: command(e, KEY_UP, order=2)),
    (2900, lambda e: command(e, KEY_DOWN, Voice.TR, 50, order=3)),
    (4000, lambda e: e["mix"].__setitem__("master", 0.3)),
    (4050, lambda e: command(e, EXPRESS, Voice.TR, order=4, bend=1.5, modulation=0.5)),
    (4080, lambda e: command(e, KEY_DOWN, Voice.NO, 2, order=5, key=36)),
    (4100, lambda e: command(e, GIVE_TO_MODEL, order=6)),
    (6100, lambda e: e["mix"]["gains"].__setitem__((0, 3), 0.0)),
    (7000, lambda e: command(e, KEY_UP, Voice.TR, order=7)),
    (7100, lambda e: command(e, KEY_DOWN, Voice.P1, 64, order=8, n_notes=3, notes=[60, 64, 67, 0, 0, 0, 0, 0])),
    (8800, lambda e: command(e, SET_CHORD, Voice.P1, 64, order=9, n_notes=2, notes=[60, 64, 0, 0, 0, 0, 0, 0])),
    (9000, lambda e: write_frames(e["table"], [frame_of(k, offset=0.9) for k in range(6, 9)])),
    (12000, lambda e: command(e, KEY_DOWN, Voice.P1, 52, order=10)),
    (17000, lambda e: command(e, SILENCE_ALL, order=11)),
]
SCENE_SAMPLES = 20_000


def play_scene(
    cuts: list[int], rate: int, patch: Patch = PLAIN, *, is_apart: bool = False
) -> tuple[NDArray[np.float32], Callback]:
    """Render the scene in blocks that end at the cuts and wherever something happens."""
    callback = new(rate=rate, patch=patch, is_apart=is_apart)
    ends = sorted({*cuts, *(sample for sample, _ in SCENE), SCENE_SAMPLES})
    pieces, begin = [], 0
    for end in ends:
        for sample, act in SCENE:
            if sample == begin:
                act(callback)
        pieces.append(render(callback, end - begin))
        begin = end
    return np.concatenate(pieces), callback


@pytest.mark.parametrize("is_apart", [False, True])
@pytest.mark.parametrize("patch", [PLAIN, FULL], ids=["plain", "full"])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_how_a_session_is_cut_into_blocks_never_changes_a_sample(rate: int, patch: Patch, is_apart: bool) -> None:
    whole, _ = play_scene([], rate, patch, is_apart=is_apart)
    assert np.abs(whole).max() > 0.05
    for block in (32, 37, 128, 1837, MAX_PIECE_SAMPLES, MAX_PIECE_SAMPLES + 1):
        pieces, _ = play_scene(list(range(block, SCENE_SAMPLES, block)), rate, patch, is_apart=is_apart)
        assert np.array_equal(pieces, whole), block


@settings(max_examples=examples(40))
@given(st.lists(st.integers(1, SCENE_SAMPLES - 1), max_size=12))
def test_no_cut_changes_a_sample_or_what_is_counted(cuts: list[int]) -> None:
    whole, callback = play_scene([], RATE, FULL)
    pieces, cut_callback = play_scene(cuts, RATE, FULL)
    assert np.array_equal(pieces, whole)
    assert cut_callback["stats"]["late_frames"] == callback["stats"]["late_frames"]
    for name in ("voices", "kick", "echo", "triangle_is_on"):
        assert cut_callback["synth"][name].tobytes() == callback["synth"][name].tobytes()
    assert cut_callback["synth"]["chips"]["early_writes"].sum() == 0


@pytest.mark.parametrize("voice", Voice)
def test_apart_each_channel_carries_its_voice_alone(voice: Voice) -> None:
    callback, mixed = new(is_apart=True), new()
    for each in (callback, mixed):
        command(each, KEY_DOWN, voice, 9 if voice is Voice.NO else 60, order=1)
    channels, alone = render(callback, 4000).reshape(-1, 4), render(mixed, 4000)
    others = [other for other in Voice if other is not voice]
    assert np.abs(channels[:, voice]).max() > 0.05
    assert np.abs(channels[:, others]).max() < 1e-12
    # One voice is mixed with nothing else, but that a noise is softer beside a triangle, which rests at its highest.
    factor = 1.0 if voice is not Voice.NO else np.std(channels[:, voice]) / np.std(alone)
    assert 1.0 <= factor < 1.5
    np.testing.assert_allclose(channels[:, voice], factor * alone, atol=3e-3 if voice is Voice.NO else 1e-6)


def test_apart_the_channels_add_up_to_about_the_mix() -> None:
    """The chip's mixer turns loud sums down, so the sum is a little louder, and never the other way about."""
    callback, mixed = new(is_apart=True), new()
    for each in (callback, mixed):
        for order, voice in enumerate(Voice, 1):
            command(each, KEY_DOWN, voice, 9 if voice is Voice.NO else 55 + 5 * voice, order=order)
    apart, mix = render(callback, RATE // 2).reshape(-1, 4).sum(axis=1), render(mixed, RATE // 2)
    louder_db = 20 * np.log10(np.std(apart) / np.std(mix))
    assert 0 < louder_db < 3
    assert np.corrcoef(apart, mix)[0, 1] > 0.97


def test_apart_gains_and_the_master_level_count() -> None:
    callback = new(is_apart=True)
    for order, voice in enumerate(Voice, 1):
        command(callback, KEY_DOWN, voice, 9 if voice is Voice.NO else 60, order=order)
    callback["mix"]["gains"][0, Voice.P2] = callback["mix"]["gains_now"][0, Voice.P2] = 0.5
    callback["synth"]["chips"]["gain"][0, Voice.P2, Voice.P2] = 0.5
    peaks = np.abs(render(callback, 2000).reshape(-1, 4)).max(axis=0)
    assert peaks[Voice.P2] == pytest.approx(0.55 * peaks[Voice.P1], rel=0.2)
    assert peaks.min() > 0.03
    callback["mix"]["master"] = 0.0
    render(callback, RAMP_SAMPLES)
    assert not render(callback, 100).any()


def test_it_fills_every_channel_of_the_whole_block_whatever_its_length() -> None:
    callback, mono = new(n_channels=2), new()
    for each in (callback, mono):
        command(each, KEY_DOWN, order=1)
    for n_samples in (1, 0, 7, MAX_PIECE_SAMPLES - 1, 3 * MAX_PIECE_SAMPLES + 5):
        stereo = render(callback, n_samples).reshape(-1, 2)
        assert np.isfinite(stereo).all()
        assert np.array_equal(stereo[:, 0], stereo[:, 1])
        assert np.array_equal(stereo[:, 0], render(mono, n_samples))


def test_it_is_silent_until_something_plays() -> None:
    assert np.abs(render(new(), RATE // 2)).max() < 1e-6


@pytest.mark.parametrize("voice", Voice)
def test_a_key_sounds_in_the_next_block(voice: Voice) -> None:
    callback = new()
    render(callback, 1000)
    command(callback, KEY_DOWN, voice, min(NOTE_RANGE[voice][1], 90), order=1)
    assert np.abs(render(callback, 64)).max() > 1e-3


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.999, -0.25, -0.5, -0.999])
def test_an_onset_offset_is_honoured_to_the_sample(offset: float) -> None:
    callback = new()
    write_frames(callback["table"], [frame_of(k) for k in range(3)] + [frame_of(3, offset=offset)])
    due = frame_to_sample(3, RATE) + int(offset * RATE / 24)
    render(callback, due)
    assert sounding(callback) == [int(note) for note in frame_of(2).frame[:, 0]]
    render(callback, 1)
    assert sounding(callback) == [int(note) for note in frame_of(3).frame[:, 0]]


def test_each_voice_has_its_own_offset() -> None:
    callback = new()
    planned = frame_of(1)
    planned.onset_offset[:] = -0.5, 0.0, 0.5, 0.0
    write_frames(callback["table"], [planned])
    notes = [int(note) for note in planned.frame[:, 0]]
    render(callback, 1001)
    assert sounding(callback) == [notes[0], 0, 0, 0]
    render(callback, 1000)
    assert sounding(callback) == [notes[0], notes[1], 0, notes[3]]
    render(callback, 1000)
    assert sounding(callback) == notes
    assert callback["stats"]["frame_taken"] == 1


def test_a_late_frame_holds_the_one_before_and_half_a_second_of_them_releases() -> None:
    callback = new()
    write_frames(callback["table"], [frame_of(0), frame_of(RELEASE_AFTER_FRAMES + 3)])
    render(callback, frame_to_sample(RELEASE_AFTER_FRAMES, RATE))
    assert callback["stats"]["late_frames"] == RELEASE_AFTER_FRAMES - 1
    assert sounding(callback) == [int(note) for note in frame_of(0).frame[:, 0]]
    render(callback, 1)
    assert sounding(callback) == [0, 0, 0, 0]
    render(callback, frame_to_sample(3, RATE))
    assert sounding(callback) == [int(note) for note in frame_of(RELEASE_AFTER_FRAMES + 3).frame[:, 0]]
    assert callback["stats"]["late_in_a_row"] == 0
    assert callback["stats"]["late_frames"] == RELEASE_AFTER_FRAMES + 2


def test_late_frames_leave_the_player_s_note_alone() -> None:
    callback = new()
    command(callback, KEY_DOWN, order=1)
    render(callback, RATE)
    assert sounding(callback) == [69, 0, 0, 0]


def test_a_stale_frame_of_the_ring_is_not_played() -> None:
    callback = new()
    write_frames(callback["table"], [frame_of(128 + 1)])  # the slot that frame 1 would have
    render(callback, frame_to_sample(2, RATE))
    assert sounding(callback) == [0, 0, 0, 0]
    assert callback["stats"]["late_frames"] == 2


def test_a_stopped_model_falls_silent_at_the_next_frame_and_the_player_plays_on() -> None:
    callback = new()
    write_frames(callback["table"], [frame_of(k) for k in range(4)])
    command(callback, KEY_DOWN, order=1)
    render(callback, 3000)
    callback["mix"]["is_model_audible"] = 0
    render(callback, 1100)
    assert sounding(callback) == [69, 0, 0, 0]
    callback["mix"]["is_model_audible"] = 1
    render(callback, 2000)
    assert sounding(callback)[1:] == [int(note) for note in frame_of(3).frame[1:, 0]]


def test_silence_ends_every_voice_at_once() -> None:
    callback = new()
    write_frames(callback["table"], [frame_of(0)])
    command(callback, KEY_DOWN, order=1)
    render(callback, 500)
    command(callback, SILENCE_ALL, order=2)
    render(callback, 1)
    assert sounding(callback) == [0, 0, 0, 0]


def test_a_voice_given_back_does_not_sound_what_was_planned_for_the_player() -> None:
    callback = new()
    write_frames(callback["table"], [frame_of(0), frame_of(1, owner=PLAYER), frame_of(2)])
    command(callback, KEY_DOWN, order=1)
    render(callback, 500)
    command(callback, GIVE_TO_MODEL, order=2)
    render(callback, frame_to_sample(2, RATE) - 500)
    assert sounding(callback)[0] == 0
    render(callback, 1)
    assert sounding(callback)[0] == frame_of(2).frame[0, 0]


def test_commands_of_several_threads_take_effect_in_the_order_in_which_they_were_given() -> None:
    callback = new()
    command(callback, KEY_DOWN, note=60, ring=5, order=1)
    command(callback, KEY_DOWN, note=64, ring=2, order=2)
    render(callback, 1)
    assert sounding(callback)[0] == 64
    command(callback, KEY_DOWN, note=72, ring=7, order=3)
    command(callback, GIVE_TO_MODEL, ring=0, order=4)
    render(callback, 1)
    assert sounding(callback)[0] == 0
    assert callback["synth"]["voices"]["is_player"][0, 0] == 0


def test_a_silence_that_comes_late_spares_the_note_that_came_after_it() -> None:
    callback = new()
    command(callback, KEY_DOWN, Voice.P1, ring=1, order=3)
    command(callback, KEY_DOWN, Voice.P2, ring=1, order=1)
    render(callback, 1)
    command(callback, SILENCE_ALL, ring=0, order=2)
    render(callback, 1)
    assert sounding(callback) == [69, 0, 0, 0]


def test_a_full_ring_refuses_and_takes_again_once_it_was_read() -> None:
    callback = new()
    for ring in (0, N_RINGS - 1):
        for order in range(RING_SIZE):
            assert command(callback, KEY_DOWN, ring=ring, order=order)
        assert not command(callback, KEY_UP, ring=ring, order=RING_SIZE)
    render(callback, 1)
    assert command(callback, KEY_UP, ring=0, order=RING_SIZE)
    render(callback, RATE // 2)
    assert sounding(callback) == [0, 0, 0, 0]


def loud(**mix: float) -> Callback:
    """Return a callback in the middle of a chord."""
    callback = new()
    write_frames(callback["table"], [frame_of(k // 9) for k in range(9)])
    for name, value in mix.items():
        callback["mix"][name] = value
    render(callback, 3000)
    return callback


def test_the_level_ramps_and_nothing_clicks() -> None:
    steady, stopping, starting = loud(), loud(), loud(master=0.0, master_now=0.0)
    assert np.abs(render(loud(master=0.0, master_now=0.0), 500)).max() == 0.0
    stopping["mix"]["master"] = 0.0
    starting["mix"]["master"] = 1.0
    full, down, up = (render(callback, 2 * RAMP_SAMPLES) for callback in (steady, stopping, starting))
    ramp = np.minimum(np.arange(1, 2 * RAMP_SAMPLES + 1) / RAMP_SAMPLES, 1.0)
    np.testing.assert_allclose(up, full * ramp, atol=1e-6)
    np.testing.assert_allclose(down, full * (1.0 - ramp), atol=1e-6)
    assert down[RAMP_SAMPLES:].max() == down[RAMP_SAMPLES:].min() == 0.0


def test_a_gain_moves_in_steps_over_the_ramp_and_mutes_one_voice_only() -> None:
    callback = loud()
    callback["mix"]["gains"][0, Voice.P1] = 0.0
    seen = []
    for _ in range(RAMP_SAMPLES // 32 + 1):
        render(callback, 32)
        seen.append(float(callback["mix"]["gains_now"][0, Voice.P1]))
    assert seen == sorted(seen, reverse=True)
    assert max(-np.diff([1.0, *seen])) <= 32 / RAMP_SAMPLES + 1e-9
    assert seen[-1] == 0.0
    assert list(callback["mix"]["gains_now"][0, 1:]) == [1.0, 1.0, 1.0]
    alone = loud()
    alone["mix"]["gains"][0] = 0.0
    render(alone, RATE // 4)  # the filters ring out
    assert np.abs(render(alone, 100)).max() < 1e-3


def test_a_live_block_is_counted_stamped_and_measured() -> None:
    callback = new(n_channels=2)
    write_frames(callback["table"], [frame_of(0)])
    for block, (n_samples, flags) in enumerate([(256, 0), (128, 4), (512, 4 | 2)]):
        before = int(callback["sample"][0])
        play_live(callback, np.zeros(2 * n_samples, np.float32), n_samples, flags)
        stats = callback["stats"][0]
        assert stats["blocks"][0] == block + 1
        assert stats["stamp_samples"][block] == before
    assert stats["underflows"] == 2
    assert stats["block_samples_max"] == 512
    assert stats["callback_ns"].sum() == 3
    assert 0 < stats["callback_ns_max"] < 1e9
    assert (np.diff(stats["stamp_ns"][:3]) > 0).all()
    assert (stats["levels"] > 0.3).all()


def call_natively(callback: Callback, out: NDArray[np.float32], n_samples: int, flags: int = 0) -> int:
    """Call what PortAudio calls, by its address, as PortAudio does."""
    pointer, number = ctypes.c_void_p, ctypes.c_ulong
    function = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer, number, pointer, number, pointer)
    return function(native_callback().address)(None, out.ctypes.data, n_samples, None, flags, callback.ctypes.data)


def test_the_native_callback_renders_the_same_samples() -> None:
    native, reference = new(n_channels=2), new(n_channels=2)
    for callback in (native, reference):
        write_frames(callback["table"], [frame_of(k) for k in range(4)])
        command(callback, KEY_DOWN, note=60, order=1)
    for n_samples in (64, 128, 2000, 1):
        out = np.full(2 * n_samples, np.nan, np.float32)
        assert call_natively(native, out, n_samples, 4) == 0
        assert np.array_equal(out, render(reference, n_samples))
    assert native["stats"]["underflows"] == 4
    assert native["sample"] == reference["sample"]


def test_the_native_callback_allocates_nothing() -> None:
    callback = new(n_channels=2)
    write_frames(callback["table"], [frame_of(k) for k in range(6)])
    for order in range(40):
        command(callback, (KEY_DOWN, KEY_UP, GIVE_TO_MODEL, SILENCE_ALL)[order % 4], Voice(order % 3), order=order)
    callback["mix"]["master"] = 0.5
    out = np.zeros(2 * 4096, np.float32)
    _nrt_python.memsys_enable_stats()
    try:
        before = rtsys.get_allocation_stats()
        for _ in range(8):
            call_natively(callback, out, 4096)
        after = rtsys.get_allocation_stats()
    finally:
        _nrt_python.memsys_disable_stats()
    assert (after.alloc, after.mi_alloc) == (before.alloc, before.mi_alloc)


def test_a_detached_callback_is_left_alone() -> None:
    callback = loud()
    before = callback.tobytes()
    detach(callback[0])
    out = np.full(128, np.nan, np.float32)
    assert call_natively(callback, out, 128) == 0
    assert not out.any()
    assert callback["idle_blocks"] == 1
    callback["is_detached"] = callback["idle_blocks"] = 0
    assert callback.tobytes() == before


def click_callback(bpm: float, n_frames: int, *, is_apart: bool = False) -> Callback:
    """Return a callback that plays nothing but a metronome, three beats a bar, from bar 1 on."""
    callback = new(is_apart=is_apart)
    callback["mix"]["metronome"] = 1.0
    rate = bpm / 60 / FRAME_RATE_HZ
    silent = np.zeros((4, 3), np.uint8), np.zeros(4, np.uint8), np.zeros(4)
    write_frames(
        callback["table"], [PlannedFrame(k, *silent, beat=FrameBeat(k * rate, rate, 3)) for k in range(n_frames)]
    )
    return callback


@pytest.mark.parametrize("cuts", [[], [999, 1000, 1001, 12_345]])
def test_clicks_fall_on_the_sample_of_their_beat_however_blocks_are_cut(cuts: list[int]) -> None:
    quiet, callback = click_callback(150.0, 60), click_callback(150.0, 60)
    quiet["mix"]["metronome"] = 0.0
    n_samples = 2 * RATE
    ends = [*cuts, n_samples]
    pieces = [render(callback, end - begin) for begin, end in zip([0, *cuts], ends, strict=True)]
    clicks = np.concatenate(pieces) - render(quiet, n_samples)
    loud = np.flatnonzero(np.abs(clicks) > 1e-6)
    starts = loud[np.flatnonzero(np.diff(loud, prepend=-RATE) > RATE // 10)]
    assert np.abs(starts - np.arange(len(starts)) * RATE * 60 / 150).max() <= 2  # a sine begins at 0
    assert len(starts) == 5
    crossings = [np.count_nonzero(np.diff(np.sign(clicks[start : start + RATE // 100])) != 0) for start in starts]
    assert crossings[0] == crossings[3] > crossings[1] == crossings[2] == crossings[4]
    assert 0.3 < np.abs(clicks).max() < 0.5


def test_a_count_in_clicks_with_the_metronome_off_and_nothing_else_does() -> None:
    callback, rate = click_callback(150.0, 0), 150.0 / 60 / FRAME_RATE_HZ
    callback["mix"]["metronome"] = 0.0
    silent = np.zeros((4, 3), np.uint8), np.zeros(4, np.uint8), np.zeros(4)
    beats = [FrameBeat(k * rate, rate, 4, counted=(1, 4)) for k in range(60)]
    write_frames(callback["table"], [PlannedFrame(k, *silent, beat=beat) for k, beat in enumerate(beats)])
    clicks = np.abs(render(callback, 2 * RATE)) > 1e-3
    at = np.flatnonzero(clicks)
    starts = at[np.flatnonzero(np.diff(at, prepend=-RATE) > RATE // 10)] * 150 / 60 / RATE
    assert [round(float(start), 1) for start in starts] == [1.0, 2.0, 3.0]


def test_voices_on_channels_of_their_own_are_recorded_without_clicks() -> None:
    clicking, quiet = click_callback(150.0, 60, is_apart=True), click_callback(150.0, 60, is_apart=True)
    quiet["mix"]["metronome"] = 0.0
    assert np.array_equal(render(clicking, RATE), render(quiet, RATE))


@pytest.mark.parametrize("block", [64, 1000, 9000])
def test_timed_commands_sound_as_those_that_are_given_at_their_samples(block: int) -> None:
    keys = [
        (1501, {"kind": KEY_DOWN, "note": 60}),
        (2600, {"kind": KEY_UP}),
        (2600, {"kind": KEY_DOWN, "voice": Voice.TR, "note": 50}),
        (4001, {"kind": EXPRESS, "voice": Voice.TR, "bend": 1.5}),
        (7777, {"kind": GIVE_TO_MODEL}),
    ]
    frames = [frame_of(k) for k in range(9)]
    at_once, timed = new(), new()
    heard = []
    write_frames(at_once["table"], frames)
    for order, (sample, fields) in enumerate(keys):
        heard.append(render(at_once, sample - int(at_once["sample"][0])))
        command(at_once, order=order, **fields)
    heard.append(render(at_once, 9000 - int(at_once["sample"][0])))
    write_frames(timed["table"], frames)
    for order, (sample, fields) in enumerate(keys):
        command(timed, order=order, ring=TIMED_RING, sample=sample, **fields)
    pieces = [render(timed, min(block, 9000 - start)) for start in range(0, 9000, block)]
    np.testing.assert_array_equal(np.concatenate(pieces), np.concatenate(heard))


def test_a_timed_command_that_is_late_is_run_at_once_and_one_that_newer_keys_outdate_is_void() -> None:
    callback = new()
    render(callback, 100)
    command(callback, KEY_DOWN, note=60, ring=TIMED_RING, sample=7, order=1)
    command(callback, KEY_DOWN, note=64, ring=TIMED_RING, sample=500, order=2)
    render(callback, 1)
    assert sounding(callback)[0] == 60
    command(callback, KEY_DOWN, note=72, order=3)
    render(callback, 600)
    assert sounding(callback)[0] == 72


def test_what_is_staged_is_run_together() -> None:
    callback, record = new(), np.zeros(1, COMMAND)
    record["kind"], record["note"], record["volume"] = KEY_DOWN, 60, 15
    for voice in (Voice.P1, Voice.P2):
        record["voice"] = voice
        assert stage_command(callback[0], 3, record[0])
        render(callback, 10)
        assert sounding(callback) == [0, 0, 0, 0]
    publish_commands(callback[0], 3)
    render(callback, 1)
    assert sounding(callback) == [60, 60, 0, 0]
