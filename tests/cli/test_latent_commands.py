from pathlib import Path

import pytest
from livegen_process import run_livegen
from safetensors.numpy import save_file
from vae_weights import SMALL, random_arrays

from livegen.engines.checkpoint import WEIGHTS_FILE, write_config
from livegen.formats.latents import read_latents
from livegen.formats.score.kinds import read_score


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vae")
    save_file(random_arrays(SMALL), folder / WEIGHTS_FILE)
    write_config(folder, SMALL)
    return folder


def test_places_go_from_command_to_command(vae: Path, model: Path, tmp_path: Path) -> None:
    def run(*arguments: str | Path, code: int = 0, model: Path = vae) -> str:
        process = run_livegen("latent", *arguments, "--model", model, folder=tmp_path)
        assert process.returncode == code, process.stderr
        return process.stderr

    assert "wrote one.json: 2 x 8 beats" in run("sample", "one.json", "--count", "2", "--set", "drums=2")
    assert read_latents(tmp_path / "one.json").z[:, 7].tolist() == [2.0, 2.0]
    run("decode", "one.json", "one.mid", "--bpm", "90", "--seed", "3")
    assert len(read_score(tmp_path / "one.mid")) == 256
    run("encode", "one.mid", "back.npz", "--bpm", "90")
    assert len(read_latents(tmp_path / "back.npz").z) == 2
    run("interpolate", "one.json", "back.npz", "way.mid", "--steps", "3")
    assert len(read_score(tmp_path / "way.mid")) == 3 * 128  # at the tempo of the second
    run("sample", "slow.json", "--bpm", "70")
    assert read_latents(tmp_path / "slow.json").bpm == 70.0
    assert "make it first" in run("decode", "one.json", "nowhere/x.mid", code=2)
    assert "has no latents" in run("decode", "one.json", "x.mid", code=2, model=model)
    assert "out of range: allowed is -3..3" in run("sample", "x.json", "--set", "drums=9", code=2)
