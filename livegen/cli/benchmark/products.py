"""The matrix products of a model's step, beside the same ones by NumPy in float32 and by ONNX Runtime in int8.

All take turns, so that what else runs on the machine disturbs them alike. Each has one thread, and its own copy of the
weights.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from livegen.engines.int8 import Int8Matrix, add_int8_product, largest_of, matrix_of
from livegen.engines.lstm.lstm import LstmEngine
from livegen.engines.protocol import Engine

Timed = Callable[[], object]

_N_RUNS: Final = 400
_N_WARM: Final = 20


def measure_products(engine: Engine) -> dict[str, NDArray[np.float64]] | None:
    """Return milliseconds of all products of a step that draws all voices, by who makes them, (runs,) each.

    ``livegen``, ``numpy``, and ``onnxruntime`` where that and onnx are installed. None for a kind of model other than
    the LSTM.
    """
    if not isinstance(engine, LstmEngine):
        return None
    matrices = _matrices(engine)
    generator = np.random.default_rng(0)
    vectors = [generator.uniform(-1, 1, n).astype(np.float32) for _, n in matrices]
    makers: dict[str, Timed] = {
        "livegen": _livegen([matrix for matrix, _ in matrices], vectors),
        "numpy": _numpy([matrix_of(*each) for each in matrices], vectors),
    }
    with tempfile.TemporaryDirectory(prefix="livegen-bench-") as folder:
        onnx_runtime = _onnx_runtime([matrix_of(*each) for each in matrices], vectors, Path(folder))
    if onnx_runtime is not None:
        makers["onnxruntime"] = onnx_runtime
    return take_turns(makers, _N_RUNS)


def take_turns(timed: Mapping[str, Timed], n: int) -> dict[str, NDArray[np.float64]]:
    """Return the milliseconds of `n` calls of each function, which take turns; warm-up calls are not counted."""
    times = {name: np.empty(n) for name in timed}
    for i in range(-_N_WARM, n):
        for name, run in timed.items():
            began_ns = time.perf_counter_ns()
            run()
            times[name][i] = (time.perf_counter_ns() - began_ns) / 1e6
    return times


def _matrices(engine: LstmEngine) -> list[tuple[Int8Matrix, int]]:
    """Return the matrices that a step multiplies with, and how many columns each has."""
    weights, config = engine.weights, engine.config
    of_voices = (
        (weights.trunk, config.n_state),
        (weights.note, config.n_note_hidden),
        (weights.relative, config.n_note_hidden),
        (weights.volume, config.n_volume_hidden),
        (weights.timbre, config.n_timbre_hidden),
    )
    each = [
        (Int8Matrix(several.tiles[voice], several.scale[voice]), n)
        for several, n in of_voices
        for voice in config.voices
    ]
    matrices = [(weights.input, config.n_embedding), (weights.recurrent, config.n_state), *each]
    return [(matrix, n) for matrix, n in matrices if matrix.scale.any()]  # TR has no volume, NO no intervals


def _livegen(matrices: list[Int8Matrix], vectors: list[NDArray[np.float32]]) -> Timed:
    outs = [np.zeros(len(matrix.scale), np.float32) for matrix in matrices]

    def run() -> None:
        for x, matrix, out in zip(vectors, matrices, outs, strict=True):
            add_int8_product(x, largest_of(x), matrix, out)

    return run


def _numpy(matrices: list[NDArray[np.float32]], vectors: list[NDArray[np.float32]]) -> Timed:
    outs = [np.zeros(len(matrix), np.float32) for matrix in matrices]

    def run() -> None:
        for x, matrix, out in zip(vectors, matrices, outs, strict=True):
            np.dot(matrix, x, out=out)

    return run


def _onnx_runtime(
    matrices: list[NDArray[np.float32]], vectors: list[NDArray[np.float32]], folder: Path
) -> Timed | None:
    """Return the products as one graph of ONNX Runtime, dynamically quantised to int8, on one thread."""
    try:
        import onnx
        import onnxruntime
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError:
        return None
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    names = range(len(matrices))
    graph = helper.make_graph(
        [helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"y{i}"]) for i in names],
        "products",
        [helper.make_tensor_value_info(f"x{i}", number, [1, matrices[i].shape[1]]) for i in names],
        [helper.make_tensor_value_info(f"y{i}", number, [1, len(matrices[i])]) for i in names],
        [onnx.numpy_helper.from_array(np.ascontiguousarray(matrices[i].T), f"w{i}") for i in names],
    )
    whole, rounded = folder / "whole.onnx", folder / "rounded.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), whole)
    logging.disable(logging.WARNING)  # it advises steps that a graph of products alone does not need
    try:  # with all eight bits its sums would overflow on processors without VNNI
        quantize_dynamic(whole, rounded, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
    finally:
        logging.disable(logging.NOTSET)
    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(rounded), options, providers=["CPUExecutionProvider"])
    fed = {f"x{i}": vectors[i][None] for i in names}
    return lambda: session.run(None, fed)
