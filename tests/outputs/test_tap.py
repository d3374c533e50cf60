"""The tap: what the card gets, bit for bit, however it is cut, and nothing else changed by it."""

import threading

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from waiting import wait_until

from livegen.outputs.audio import NullStream
from livegen.outputs.callback import MAX_PIECE_SAMPLES, new_callback
from livegen.outputs.native import play_live
from livegen.outputs.tap import TAP_SAMPLES, TapReader
from livegen.patch import load_patch
from livegen.score import N_VOICES, VOLUME_MAX, Voice
from livegen.score_table import PlannedFrame, write_frames

RATE = 48_000
PLAIN = load_patch("plain")
Callback = NDArray[np.void]


def playing_callback(*, is_apart: bool = False) -> Callback:
    """Return a callback that plays chords for two seconds."""
    callback = new_callback(RATE, PLAIN, n_channels=1, is_apart=is_apart)
    callback["mix"]["master"] = callback["mix"]["master_now"] = 0.9
    notes = [(60, VOLUME_MAX[Voice.P1], 1), (67, 12, 2), (48, 0, 0), (9, 10, 0)]
    frame, nobody = np.array(notes, np.uint8), np.zeros(N_VOICES, np.uint8)
    write_frames(callback["table"], [PlannedFrame(k, frame + k % 3, nobody, np.zeros(N_VOICES)) for k in range(48)])
    return callback


def fill(callback: Callback, n_samples: int) -> NDArray[np.float32]:
    out = np.zeros((n_samples, int(callback["n_channels"][0])), np.float32)
    play_live(callback, out.reshape(-1), n_samples, 0)
    return out


def as_int16(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.rint(np.clip(sound.astype(np.float64), -1.0, 1.0) * 32_767.0).astype(np.int16)


@settings(max_examples=examples(30))
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=20), st.data())
def test_what_is_read_is_what_was_made(blocks: list[int], data: st.DataObject) -> None:
    callback, untapped = playing_callback(), playing_callback()
    reader = TapReader(callback, MAX_PIECE_SAMPLES)
    reader.switch(is_on=True)
    made, read, at = [], [], 0
    for n_samples in blocks:
        made.append(fill(callback, n_samples))
        assert np.array_equal(made[-1], fill(untapped, n_samples))
        if data.draw(st.booleans()):
            first, samples = reader.read()
            assert first == at or len(samples) == 0
            at += len(samples)
            read.append(samples.copy())
    read.append(reader.read()[1].copy())
    assert np.array_equal(np.concatenate(read), as_int16(np.concatenate(made)[:, 0]))
    assert reader.lost == 0
    assert np.abs(np.concatenate(read)).max() > 1000 or sum(blocks) < 3000


def test_voices_on_channels_of_their_own_are_mixed() -> None:
    callback = playing_callback(is_apart=True)
    reader = TapReader(callback, MAX_PIECE_SAMPLES)
    reader.switch(is_on=True)
    made = fill(callback, 4000)
    mix = np.zeros(4000, np.float32)
    for voice in Voice:
        mix += made[:, voice]
    assert np.array_equal(reader.read()[1], as_int16(mix))


def test_it_is_filled_only_while_it_is_on() -> None:
    callback = playing_callback()
    reader = TapReader(callback, MAX_PIECE_SAMPLES)
    fill(callback, 5000)
    assert len(reader.read()[1]) == 0
    reader.switch(is_on=True)
    assert len(reader.read()[1]) == 0
    made = fill(callback, 700)
    first, samples = reader.read()
    assert first == 5000
    assert np.array_equal(samples, as_int16(made[:, 0]))
    fill(callback, 300)  # never read
    reader.switch(is_on=False)
    fill(callback, 300)
    assert len(reader.read()[1]) == 300
    reader.switch(is_on=True)
    made = fill(callback, 100)
    first, samples = reader.read()
    assert first == 6300
    assert np.array_equal(samples, as_int16(made[:, 0]))
    assert reader.lost == 0


def test_a_reader_that_is_too_slow_skips_and_counts() -> None:
    callback = playing_callback()
    reader = TapReader(callback, MAX_PIECE_SAMPLES)
    reader.switch(is_on=True)
    made = np.concatenate([fill(callback, 1000) for _ in range(60)])
    first, samples = reader.read()
    assert first == 60_000 - (TAP_SAMPLES - MAX_PIECE_SAMPLES) == reader.lost
    assert np.array_equal(samples, as_int16(made[first:, 0]))
    assert len(reader.read()[1]) == 0


@pytest.mark.parametrize("seconds", [0.3])
def test_a_reader_on_another_thread_gets_every_sample_of_the_null_clock(seconds: float) -> None:
    callback, twin = playing_callback(), playing_callback()
    reader = TapReader(callback, MAX_PIECE_SAMPLES)
    reader.switch(is_on=True)
    stop = threading.Event()
    clock = threading.Thread(target=NullStream(callback).run, args=(stop,))
    clock.start()
    read: list[NDArray[np.int16]] = []

    def has_heard() -> bool:
        first, samples = reader.read()
        assert first == sum(map(len, read)) or len(samples) == 0
        read.append(samples.copy())
        return sum(map(len, read)) > seconds * RATE

    assert wait_until(has_heard)
    stop.set()
    clock.join()
    heard = np.concatenate(read)
    assert np.array_equal(heard, as_int16(fill(twin, len(heard))[:, 0]))


def test_the_mix_has_a_meter() -> None:
    callback = playing_callback()
    made = np.concatenate([fill(callback, 256) for _ in range(40)])
    level = float(callback["stats"]["mix_level"][0])
    assert 0.1 < level <= np.abs(made).max()
    callback["mix"]["master"] = 0.0
    for _ in range(200):
        fill(callback, 256)
    assert callback["stats"]["mix_level"][0] < 0.001
