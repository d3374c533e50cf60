import contextlib
import json
import pickle
import shutil
import struct
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lstm_weights import SMALL, random_arrays
from safetensors.numpy import save_file

from livegen.cli.bench import measure_torch_step
from livegen.engines import checkpoint
from livegen.engines.checkpoint import CONFIG_FILE, WEIGHTS_FILE, load_engine, read_config, write_config
from livegen.engines.config import size_names
from livegen.engines.protocol import Sampling
from livegen.errors import CheckpointError
from livegen.score import SILENCE, Voice, validate_frames

MODELS = Path(__file__).parents[2] / "models"
SOLO = replace(SMALL, voices=(Voice.P1,), leaves_out=("ages", "memory"))


SIZED = 'kind = "lstm"\n{}\n[sizes]\n' + "".join(f"{name} = {getattr(SMALL, name)}\n" for name in size_names(SMALL))


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "small"
    folder.mkdir()
    write_config(folder, SMALL)
    save_file(random_arrays(), folder / WEIGHTS_FILE)
    return folder


@pytest.fixture
def folder(sound, tmp_path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "small"))


def test_a_folder_loads_and_is_named_after_itself(folder):
    engine = load_engine(folder)
    assert engine.name == "small"
    assert read_config(folder) == ("lstm", SMALL)
    distribution, _ = engine.step(SILENCE, engine.initial_state())
    frame = distribution.sample(SILENCE, np.zeros(4, np.bool_), Sampling(), seed=0, frame_index=0)
    validate_frames(frame[None])


def test_a_model_that_does_not_listen_says_nothing_of_it_and_one_of_before_is_one(tmp_path):
    deaf = replace(SMALL, listens=False)
    write_config(tmp_path, deaf)
    assert "listens" not in (tmp_path / CONFIG_FILE).read_text()
    assert read_config(tmp_path) == ("lstm", deaf)
    save_file(random_arrays(deaf), tmp_path / WEIGHTS_FILE)
    load_engine(tmp_path).warm_up()


def test_whether_it_listens_is_true_or_false(folder):
    config = (folder / CONFIG_FILE).read_text()
    (folder / CONFIG_FILE).write_text(config.replace("listens = true", "listens = 2"))
    with pytest.raises(CheckpointError, match="listens is 2: allowed is true or false"):
        load_engine(folder)


def test_half_precision_weights_play_nearly_the_same(folder):
    halves = {name: array.astype(np.float16) for name, array in random_arrays().items()}
    whole, _ = load_engine(folder).step(SILENCE, load_engine(folder).initial_state())
    save_file(halves, folder / WEIGHTS_FILE)
    half, _ = load_engine(folder).step(SILENCE, load_engine(folder).initial_state())
    known = np.zeros(4, np.bool_)
    assert half.note_log_probs(0, SILENCE, known) == pytest.approx(whole.note_log_probs(0, SILENCE, known), abs=0.02)


@pytest.mark.parametrize(
    ("name", "n_moving"), [("default", 2), ("rest", 0), ("solo", 1), ("vae", 2), ("gan", 2), ("tonnetz", 2)]
)
def test_a_shipped_model_loads_and_plays(name, n_moving):
    engine = load_engine(MODELS / name)
    engine.warm_up()
    state, frame, played = engine.initial_state(), SILENCE, []
    for index in range(240):
        distribution, state = engine.step(frame, state)
        frame = distribution.sample(SILENCE, np.zeros(4, np.bool_), Sampling(), seed=1, frame_index=index)
        played.append(frame)
    notes = validate_frames(np.array(played))[..., 0]
    is_moving = (np.diff(notes.astype(int), axis=0) != 0).any(0)
    assert is_moving.sum() >= n_moving  # ten seconds in which nothing moves are no music
    assert not notes[:, [voice not in engine.info.voices for voice in Voice]].any()


def test_the_models_together_are_no_large_download():
    assert sum(path.stat().st_size for path in MODELS.rglob("*")) < 40e6


@dataclass(frozen=True)
class ChainConfig:
    """Of a kind that has nothing in common with an LSTM."""

    n_links: int
    voices = tuple(Voice)

    @classmethod
    def from_table(cls, table):
        if type(table.get("n_links")) is not int:
            raise CheckpointError("n_links is no whole number")
        return cls(table["n_links"])

    def to_lines(self):
        return [f"n_links = {self.n_links}"]

    def shapes(self):
        return {"links": (self.n_links, 2)}


def test_a_kind_of_model_is_a_row_of_the_table_and_its_configuration_its_own(tmp_path, monkeypatch):
    monkeypatch.setitem(checkpoint._KINDS, "chain", (ChainConfig, lambda *made: made))
    links = np.ones((3, 2), np.float32)
    write_config(tmp_path, ChainConfig(3))
    save_file({"links": links}, tmp_path / WEIGHTS_FILE)
    assert read_config(tmp_path) == ("chain", ChainConfig(3))
    assert measure_torch_step(tmp_path, []) is None
    name, config, arrays = load_engine(tmp_path)
    assert (name, config) == (tmp_path.name, ChainConfig(3))
    assert np.array_equal(arrays["links"], links)
    save_file({"links": links[:2]}, tmp_path / WEIGHTS_FILE)
    _refused(tmp_path, "by its config.toml must be")
    (tmp_path / CONFIG_FILE).write_text('kind = "chain"')
    _refused(tmp_path, "config.toml: n_links is no whole number")


def _refused(folder: Path, says: str) -> None:
    with pytest.raises(CheckpointError, match=says) as caught:
        load_engine(folder)
    assert "\n" not in str(caught.value).strip()


def test_a_missing_folder_or_file_is_named(folder):
    _refused(folder / "nowhere", "nowhere")
    (folder / WEIGHTS_FILE).unlink()
    _refused(folder, WEIGHTS_FILE)
    (folder / CONFIG_FILE).unlink()
    _refused(folder, CONFIG_FILE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind = ", "TOML"),
        ("\x00\xff", "TOML"),
        ("", "kind None"),
        ('kind = "pickle"', "kind 'pickle'"),
        ("kind = [1]", "kind"),
        ('version = 2\nkind = "lstm"', "version 2"),
        ('version = "1"\nkind = "lstm"', "version '1'"),
        ("version = true", "version True"),
        ('kind = "lstm"', "sizes"),
        ('kind = "lstm"\nsizes = 3', "sizes"),
        ('kind = "lstm"\n[sizes]\nn_state = 512', "exactly"),
        (SIZED.format('voices = "p1"'), "voices is 'p1'"),
        (SIZED.format("voices = []"), "one or more of p1, p2, tr, no"),
        (SIZED.format('voices = ["p1", "p1"]'), "each once"),
        (SIZED.format('voices = ["p1", "dmc"]'), "dmc"),
        (SIZED.format("voices = [[]]"), "voices"),
        (SIZED.format('voices = ["p1"]'), "its config.toml must be|unknown array"),
        (SIZED.format('leaves_out = ["beat"]'), "memory, ages, orders"),
        (SIZED.format('leaves_out = "ages"'), "leaves_out"),
        (SIZED.format("leaves_out = [{}]"), "leaves_out"),
        (SIZED.format("leaves_out = 3"), "leaves_out"),
        ("a = " + "[" * 30000, "TOML"),
        ("#" * 100_000, "bytes"),
    ],
)
def test_a_bad_configuration_is_refused(folder, text, says):
    (folder / CONFIG_FILE).write_text(text, "latin-1")
    _refused(folder, says)


@pytest.mark.parametrize("value", ["0", "-3", "1000000000", '"64"', "1.5", "true", "nan"])
def test_a_bad_size_is_refused(folder, value):
    text = (folder / CONFIG_FILE).read_text().replace("n_state = 20", f"n_state = {value}")
    (folder / CONFIG_FILE).write_text(text)
    _refused(folder, "n_state")


def test_weights_of_other_sizes_are_refused(folder):
    text = (folder / CONFIG_FILE).read_text().replace("n_state = 20", "n_state = 21")
    (folder / CONFIG_FILE).write_text(text)
    _refused(folder, "by its config.toml must be")


def test_a_missing_or_unknown_array_is_named(folder):
    arrays = random_arrays()
    save_file({**arrays, "extra": np.zeros(3, np.float32)}, folder / WEIGHTS_FILE)
    _refused(folder, "'extra'")
    del arrays["note.TR.bias"]
    save_file(arrays, folder / WEIGHTS_FILE)
    _refused(folder, "'note.TR.bias'")


def _write_solo(folder: Path, **arrays: np.ndarray) -> Path:
    write_config(folder, SOLO)
    save_file(random_arrays(SOLO) | arrays, folder / WEIGHTS_FILE)
    return folder


def test_a_model_of_one_voice_is_read_as_it_was_written(folder):
    _write_solo(folder)
    assert read_config(folder) == ("lstm", SOLO)
    assert load_engine(folder).config == SOLO


def test_a_damaged_model_of_one_voice_is_refused_like_any_other(folder):
    _refused(_write_solo(folder, **{"note.P1.bias": np.full(3, np.nan, np.float32)}), "note.P1.bias")
    _refused(_write_solo(folder, **{"note.P1.bias": random_arrays()["note.P1.bias"] * np.nan}), "no trained network")
    _refused(_write_solo(folder, **{"note.P2.bias": random_arrays()["note.P2.bias"]}), "unknown array 'note.P2.bias'")
    arrays = random_arrays(SOLO)
    del arrays["own.P1.weight"]
    save_file(arrays, folder / WEIGHTS_FILE)
    _refused(folder, "lacks the array 'own.P1.weight'")
    text = (folder / CONFIG_FILE).read_text()
    (folder / CONFIG_FILE).write_text(text.replace("version = 1", "version = 7"))
    _refused(folder, "version 7")


@pytest.mark.parametrize("dtype", [np.float64, np.int8, np.bool_])
def test_another_type_is_refused(folder, dtype):
    save_file({name: array.astype(dtype) for name, array in random_arrays().items()}, folder / WEIGHTS_FILE)
    _refused(folder, "F16 or F32")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(folder, value):
    arrays = random_arrays()
    arrays["note.P1.weight"][3, 4] = value
    save_file(arrays, folder / WEIGHTS_FILE)
    _refused(folder, "note.P1.weight.*no trained network")


class Harm:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("is_in_archive", [False, True])
def test_a_pickle_in_disguise_is_refused_and_not_run(folder, tmp_path, protocol, is_in_archive):
    data = pickle.dumps(Harm(tmp_path / "harm"), protocol)
    (folder / WEIGHTS_FILE).write_bytes(data)
    if is_in_archive:  # as torch.save writes them
        with zipfile.ZipFile(folder / WEIGHTS_FILE, "w") as archive:
            archive.writestr("archive/data.pkl", data)
    _refused(folder, f"{WEIGHTS_FILE} is a pickle")
    assert not (tmp_path / "harm").exists()


def test_a_folder_of_before_versions_is_of_the_first(folder):
    config = (folder / CONFIG_FILE).read_text()
    assert config.startswith("version = 1\n")
    (folder / CONFIG_FILE).write_text(config.removeprefix("version = 1\n"))
    assert load_engine(folder).name == "small"


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights_are_refused(folder, share):
    data = (folder / WEIGHTS_FILE).read_bytes()
    (folder / WEIGHTS_FILE).write_bytes(data[: int(share * len(data))])
    _refused(folder, "damaged")


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{}",
        b"[" * 1000,
        json.dumps({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}).encode(),
        json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 10**12]}}).encode(),
        json.dumps({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [4, 0]}}).encode(),
    ],
)
@pytest.mark.parametrize("says", [None, 0, 2**62, 2**64 - 1])
def test_a_hostile_header_is_refused(folder, header, says):
    length = len(header) if says is None else says
    (folder / WEIGHTS_FILE).write_bytes(struct.pack("<Q", length) + header + b"\0" * 4)
    _refused(folder, WEIGHTS_FILE)


def test_a_folder_in_the_place_of_the_weights_is_refused(folder):
    (folder / WEIGHTS_FILE).unlink()
    (folder / WEIGHTS_FILE).mkdir()
    _refused(folder, WEIGHTS_FILE)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_header_loads_or_is_refused_and_nothing_else(folder, sound, damage):
    data = bytearray((sound / WEIGHTS_FILE).read_bytes())
    for place, byte in damage:
        data[place] = byte
    (folder / WEIGHTS_FILE).write_bytes(data)
    with contextlib.suppress(CheckpointError):
        load_engine(folder)
