"""How the figures of a bench are compared and drawn, and what its products are compared with."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from lstm_weights import random_engine

from livegen.cli.benchmark import products
from livegen.cli.benchmark.compare import ratios, read_figures
from livegen.cli.benchmark.picture import check_picture, write_distributions
from livegen.errors import FormatError


def test_ratios_are_of_numbers_that_both_have():
    figures = {"a": 3.0, "b": {"p50": 1, "max": 4.0}, "c": "x", "d": True, "new": 1.0, "e": {"x": "y"}}
    old = {"a": 2.0, "b": {"p50": 2, "max": 0.0}, "c": "x", "d": True, "gone": 1.0, "e": {"x": "y"}}
    assert ratios(figures, old) == {"a": 1.5, "b": {"p50": 0.5}}


def test_figures_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"step_ms": {"p50": 0.4}}))
    assert read_figures(path) == {"step_ms": {"p50": 0.4}}


@pytest.mark.parametrize("text", ["[1]", "{", "\xff"])
def test_what_has_no_figures_is_refused(tmp_path, text):
    path = tmp_path / "old.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(FormatError, match=r"old\.json .*`livegen bench --json`"):
        read_figures(path)
    with pytest.raises(FormatError, match="cannot be read"):
        read_figures(tmp_path / "none.json")


def test_a_picture_has_a_row_for_each_distribution(tmp_path):
    generator = np.random.default_rng(0)
    times = {"step": generator.gamma(4.0, 0.1, 500), "products numpy": np.ones(3), "products livegen": np.full(3, 0.5)}
    write_distributions(tmp_path / "a.svg", times)
    written = (tmp_path / "a.svg").read_text()
    assert re.findall(r">(step|products [a-z]+)<", written) == list(times)
    assert f"p50 {np.median(times['step']):.3g}" in written
    assert written.count(">1 ms<") == 2  # the products share an axis
    write_distributions(tmp_path / "a.png", times)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["a.jpg", "none/a.svg"])
def test_a_picture_that_cannot_be_written_is_refused_first(tmp_path, name):
    with pytest.raises(FormatError):
        check_picture(tmp_path / name)


def test_all_makers_of_products_make_the_same_ones(tmp_path: Path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    matrices = products._matrices(random_engine())
    assert len(matrices) == 2 + 4 + 4 + 3 + 3 + 3
    vectors = [np.linspace(-1, 1, n).astype(np.float32) for _, n in matrices]
    whole = [products.matrix_of(*each) for each in matrices]
    others = products._onnx_runtime(whole, vectors, tmp_path)
    assert others is not None
    for x, matrix, found in zip(vectors, whole, others(), strict=True):
        assert found[0] == pytest.approx(matrix @ x, abs=0.4)
