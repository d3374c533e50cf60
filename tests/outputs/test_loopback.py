"""The way out and back in: told from what was played and heard, and on a JACK server whose ends are connected."""

import threading

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from portaudio import portaudio_on_jack
from waiting import wait_until

from livegen.errors import AudioError
from livegen.outputs.loopback import N_CLICKS, click_lags, clicks, measure_round_trip

RATE = 8000


@settings(max_examples=examples(20))
@given(st.integers(0, RATE // 2 - 200), st.floats(0.01, 1.0), st.booleans())
def test_a_delayed_faint_and_turned_copy_is_recognised_through_noise(lag: int, level: float, is_turned: bool) -> None:
    played = clicks(RATE)
    heard = np.roll(played, lag) * level * (-1 if is_turned else 1)
    heard += np.random.default_rng(2).normal(0, level / 50, len(heard))
    assert click_lags(played, heard.astype(np.float32), RATE) == [lag] * N_CLICKS


def test_silence_and_noise_are_no_click() -> None:
    played = clicks(RATE)
    noise = np.random.default_rng(3).normal(0, 0.3, len(played)).astype(np.float32)
    assert click_lags(played, np.zeros_like(played), RATE) == []
    assert click_lags(played, noise, RATE) == []


def test_the_null_device_cannot_be_measured() -> None:
    with pytest.raises(AudioError, match="null"):
        measure_round_trip("null")


@pytest.mark.device
@pytest.mark.parametrize("is_connected", [True, False])
def test_on_jack_a_loop_takes_a_whole_number_of_periods(jack: str, is_connected: bool) -> None:
    jack_client = pytest.importorskip("jack")
    patch_bay = jack_client.Client("patch bay", no_start_server=True)

    def connect() -> bool:
        outs = patch_bay.get_ports("PortAudio:out_0", is_audio=True)
        ins = patch_bay.get_ports("PortAudio:in_0", is_audio=True)
        if outs and ins:
            patch_bay.connect(outs[0], ins[0])
        return bool(outs and ins)

    helper = threading.Thread(target=lambda: wait_until(connect))
    try:
        with portaudio_on_jack():
            if is_connected:
                helper.start()
            trip = measure_round_trip("JACK")
    finally:
        if is_connected:
            helper.join()
        patch_bay.close()
    assert (trip.n_heard >= N_CLICKS - 2) == is_connected
    if is_connected:
        assert 0 < trip.samples <= 4 * 128
        assert trip.samples % 128 == 0
