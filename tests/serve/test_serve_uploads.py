"""Models that are sent: one that plays is taken; what is hostile is refused in a sentence, and leaves nothing."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save
from serve_parts import check_here
from served import Served, files_under, serving

from livegen.engines.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from livegen.serve.place import Place
from livegen.serve.shelf.check import verdict


@pytest.fixture
def served(place: Place) -> Iterator[Served]:
    with serving(place) as running:
        yield running


def send(served: Served, weights: bytes, config: bytes, name: str = "mine"):  # type: ignore[no-untyped-def]
    files = {"config": ("../../evil.toml", config), "weights": ("/etc/passwd", weights)}
    return served.client().post("/models", data={"name": name}, files=files)


def test_a_model_is_taken_played_and_deleted(served: Served, model: Path) -> None:
    assert verdict(model) == ""  # compiled here, it is quick in the process that checks it
    config, weights = (model / CONFIG_FILE).read_bytes(), (model / WEIGHTS_FILE).read_bytes()
    answer = send(served, weights, config)
    assert answer.status_code == 201, answer.text
    client = served.client()
    assert [each["name"] for each in client.get("/models").json() if not each["is_own"]] == ["mine"]
    job = client.post("/predictions/mine", json={"seconds": 0.2, "seed": 1}).json()
    waiting = client.post("/predictions/mine", json={"seconds": 0.2, "seed": 2}).json()
    assert served.play() == 2
    assert client.get(f"/jobs/{job['id']}").json()["state"] == "done"
    assert send(served, weights, config).status_code == 409
    assert send(served, weights, config, "default").status_code == 409
    waiting = client.post("/predictions/mine", json={"seconds": 0.2, "seed": 3}).json()
    assert client.delete("/models/mine").status_code == 204
    assert client.post("/predictions/mine", json={"seconds": 0.2}).status_code == 404
    served.play()
    assert "the model 'mine' is gone" in client.get(f"/jobs/{waiting['id']}").json()["error"]
    assert files_under(served.place.folder / "models") == set()


class Evil:
    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        return os.system, (f"touch {EVIL_FILE}",)


EVIL_FILE = f"/tmp/livegen-evil-{os.getpid()}"


def with_nan(weights: Path) -> bytes:
    arrays = load_file(weights)
    name = sorted(arrays)[0]
    arrays[name] = arrays[name].copy()
    arrays[name].flat[0] = np.nan
    return save(arrays)


def claiming(n_bytes: int) -> bytes:
    about = {"w": {"dtype": "F32", "shape": [n_bytes // 4], "data_offsets": [0, n_bytes]}}
    head = json.dumps(about).encode()
    return struct.pack("<Q", len(head)) + head + b"\0" * 16


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("weights.safetensors", b"\0" * (32 << 20))
    return packed.getvalue()


HOSTILE: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "pickle": (lambda weights: pickle.dumps(Evil()), "is a pickle, which livegen never loads"),
    "zip bomb": (lambda weights: bomb(), "is a pickle, which livegen never loads"),
    "10 GB claimed": (lambda weights: claiming(10 << 30), "is no safetensors file or is damaged"),
    "a header of 10 GB": (lambda weights: struct.pack("<Q", 10 << 30) + b"{}", "is no safetensors file or is damaged"),
    "NaN weights": (with_nan, "has values that no trained network has"),
    "cut short": (lambda weights: weights.read_bytes()[:-100], "is no safetensors file or is damaged"),
    "empty": (lambda weights: b"", "is no safetensors file or is damaged"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_hostile_is_refused_in_a_sentence_and_leaves_nothing(
    served: Served, model: Path, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spool))
    make, words = HOSTILE[what]
    monkeypatch.setattr("livegen.serve.shelf.shelf.check_model", check_here)
    answer = send(served, make(model / WEIGHTS_FILE), (model / CONFIG_FILE).read_bytes())
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    assert str(tmp_path) not in answer.json()["detail"]
    assert files_under(served.place.folder / "models") == set()
    assert files_under(spool) == set()
    assert not Path(EVIL_FILE).exists()
    assert [each["name"] for each in served.client().get("/models").json()] == ["default"]


@pytest.mark.parametrize("name", ["../mine", "a/b", "..", "", "/etc", "a" * 33, "Mine", "a\0b"])
def test_a_name_is_no_path(served: Served, model: Path, name: str) -> None:
    answer = send(served, (model / WEIGHTS_FILE).read_bytes(), (model / CONFIG_FILE).read_bytes(), name)
    assert answer.status_code == 422
    assert "name: " in answer.json()["detail"]
    assert files_under(served.place.folder / "models") == set()


def test_a_config_that_is_none_is_refused(served: Served, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livegen.serve.shelf.shelf.check_model", check_here)
    weights = (model / WEIGHTS_FILE).read_bytes()
    assert "is no TOML" in send(served, weights, b"\xff\xff").json()["detail"]
    assert send(served, weights, b" " * (1 << 17)).status_code == 413


def test_an_upload_is_bounded_before_it_is_read(served: Served) -> None:
    answer = served.client().post(
        "/models",
        content=b"x",
        headers={"content-length": str(10 << 30), "content-type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 413
    assert "65 MiB" in answer.json()["detail"]
