"""Streams: a jam sounds, there are only as many as there may be, and one that nobody hears any more has ended."""

import struct
from pathlib import Path

import numpy as np
from live_service import live_service
from livegen_process import START_SECONDS
from served import LIMITS
from waiting import wait_until

from livegen.serve.jobs.order import Prediction
from livegen.serve.work.band import Band


def test_a_stream_sounds_as_a_render_does_and_ends_with_its_listener(tmp_path: Path, model: Path) -> None:
    with live_service(tmp_path / "serve", model, LIMITS) as live, live.client() as client:
        assert wait_until(lambda: live.service.streams.is_warm, START_SECONDS)
        with client.stream("GET", "/stream/tiny?seed=1") as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "audio/wav"
            pieces = answer.iter_bytes(44 + 2 * 44_100)
            heard = next(pieces)
            assert (heard[:4], heard[8:16], heard[36:40]) == (b"RIFF", b"WAVEfmt ", b"data")
            assert struct.unpack("<HHI", heard[20:28]) == (1, 1, 44_100)
            full = client.get("/stream/tiny")
            assert full.status_code == 429
            assert int(full.headers["retry-after"]) >= 1
            assert "1 streams play already" in full.json()["detail"]
        tiny = live.service.shelf.models()["tiny"]
        rendition = Band(live.service.shelf).rendition("tiny", tiny.hash, Prediction(seed=1), 24)
        own = np.concatenate([frame.samples[:, 0] for frame in rendition.frames(44_100)])
        samples = np.frombuffer(heard[44:], "<i2")[: len(own)]
        np.testing.assert_allclose(samples / 32_767, own[: len(samples)], atol=1 / 32_767)
        assert np.abs(samples).max() > 300
        assert wait_until(lambda: "livegen_streams 0.0" in client.get("/metrics").text, START_SECONDS)
