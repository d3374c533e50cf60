from pathlib import Path

import pytest

pytest.importorskip("yaml", reason="PyYAML is not installed: install the extra train")

from livegen.errors import FormatError, PipelineError
from livegen.pipeline.stages import Stage, makers, read_stages

ROOT = Path(__file__).parents[2]
PARAMS = """
name = "it's"
[sizes]
n = 3
share = 0.5
[models.a]
train = { seed = 1, strict = true, resume = false, about = "two words" }
[models.b]
train = { seed = 2 }
"""


def stages_of(folder: Path, text: str, params: str = PARAMS) -> dict[str, Stage]:
    (folder / "params.toml").write_text(params, encoding="utf-8")
    (folder / "dvc.yaml").write_text(f"vars: [params.toml]\n{text}", encoding="utf-8")
    return read_stages(folder / "dvc.yaml")


def test_the_file_of_the_project_has_a_stage_for_every_model_and_step() -> None:
    stages = read_stages(ROOT / "dvc.yaml")
    steps = {name.partition("@")[0] for name in stages}
    assert steps == {"fetch", "prepare", "train", "eval", "card"}
    models = {name.partition("@")[2] for name in stages} - {""}
    assert models >= {"lstm", "solo", "vae", "gan", "tonnetz"}
    assert len(stages) == 2 + 3 * len(models)
    order = list(stages)
    for name, before in makers(stages).items():
        assert all(order.index(other) < order.index(name) for other in before)
    assert makers(stages)["card@vae"] == ["train@vae", "eval@vae"]
    assert "--engine vae --steps 6000" in stages["train@vae"].command
    assert stages["train@vae"].parameters["params.toml"]["models.vae.train"]["engine"] == "vae"
    assert all("run.json" not in out and "README" not in out for stage in stages.values() for out in stage.outputs)


def test_references_are_filled_in(tmp_path: Path) -> None:
    stages = stages_of(
        tmp_path,
        """
stages:
  train:
    foreach: ${models}
    do:
      cmd: run ${key} ${item.train} ${sizes.n} ${sizes.share}
      deps: ["data/${key}"]
      params: [{params.toml: ["models.${key}.train", name]}]
      outs: ["out/${key}", {"figures/${key}": {cache: false}}]
  each:
    foreach: [x, 7]
    do: {cmd: "see ${item} ${name}"}
""",
    )
    assert list(stages) == ["train@a", "train@b", "each@x", "each@7"]
    assert stages["train@a"].command == "run a --seed 1 --strict --about 'two words' 3 0.5"
    assert stages["train@b"].dependencies == ("data/b",)
    assert stages["train@b"].outputs == ("figures/b", "out/b")
    assert stages["train@b"].parameters == {"params.toml": {"models.b.train": {"seed": 2}, "name": "it's"}}
    assert stages["each@7"].command == "see 7 it's"


def test_stages_come_after_those_that_they_depend_on(tmp_path: Path) -> None:
    stages = stages_of(
        tmp_path,
        """
stages:
  last: {cmd: c, deps: [two/part], outs: [three]}
  middle: {cmd: b, deps: [one], outs: [two]}
  first: {cmd: a, outs: [one]}
""",
    )
    assert list(stages) == ["first", "middle", "last"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stages: {a: {cmd: x, frozen: true}}", "'frozen', which only DVC knows"),
        ("stages: {a: {cmd: [x, y]}}", "one command"),
        ("stages: {a: {deps: [x]}}", "one command"),
        ("stages: {a: {cmd: 'x ${nothing.here}'}}", "no nothing.here in stage a"),
        ("stages: {a: {cmd: x, deps: ['${models}']}}", "allowed are text and numbers"),
        ("stages: {a: {cmd: x, params: [seed]}}", "name the file"),
        ("stages: {a: {cmd: x, params: [{params.toml: [seeds]}]}}", "no seeds in params.toml"),
        ("stages: {a: {cmd: x, outs: [{o: {persist: true}}]}}", "'persist'"),
        ("stages: {a: {cmd: x, outs: [o]}, b: {cmd: y, outs: [o]}}", "o is an output of a and of b"),
        ("stages: {a: {cmd: x, deps: [o], outs: [p]}, b: {cmd: y, deps: [p], outs: [o]}}", "in a circle: a -> b -> a"),
        ("stages: {a: {foreach: 3, do: {cmd: x}}}", "must be a list"),
        ("stages: [a]", "must be a table"),
        ("plots: []", "'plots'"),
        ("stages: {", "is no YAML"),
        ("stages: {a: {cmd: !!python/object/apply:os.system [true]}}", "is no YAML"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(PipelineError, match=says):
        stages_of(tmp_path, text)


def test_files_that_are_not_there_or_no_toml_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"dvc\.yaml is not a file"):
        read_stages(tmp_path / "dvc.yaml")
    with pytest.raises(PipelineError, match=r"params\.toml is no TOML"):
        stages_of(tmp_path, "stages: {}", params="a = [")
