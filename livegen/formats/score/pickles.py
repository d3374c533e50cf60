"""A reader of pickles that knows numbers, text, tuples and NumPy arrays, and nothing else.

Python's unpickler runs whatever a file tells it to run. This one takes only the instructions that a tuple of arrays
needs, turns the few names that it knows into tokens that do nothing, and builds the array itself. So nothing in a file
is ever called, and neither time nor memory grows beyond the size of the file. It reads protocols 0 to 5, also the text
of Python 2 (https://github.com/python/cpython/blob/main/Lib/pickletools.py).
"""

import io
import math
import pickle
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAX_INSTRUCTIONS: Final = 500
"""Largest number of instructions in a pickle. A tuple with one array takes fewer than 100."""


class PickleRefused(Exception):  # noqa: N818 - it names what happened to the file
    """A pickle is broken, or asks for something that no score needs."""


@dataclass(frozen=True, slots=True)
class _Name:
    """A function or class that a pickle may name."""

    name: str


@dataclass(slots=True)
class _Dtype:
    code: str
    order: str = "|"


@dataclass(slots=True)
class _Scalar:
    dtype: Any
    raw: Any


@dataclass(slots=True)
class _Encoded:
    """Bytes written as Latin-1 text, as Python 3 writes them in old protocols."""

    text: Any


@dataclass(slots=True)
class _Array:
    shape: Any = ()
    dtype: Any = None
    fortran: Any = False
    raw: Any = b""


_NAMES: Final[dict[tuple[str, str], _Name]] = {
    (module, name): _Name(name)
    for name, modules in {
        "_reconstruct": ("numpy.core.multiarray", "numpy._core.multiarray"),
        "_frombuffer": ("numpy.core.numeric", "numpy._core.numeric"),
        "scalar": ("numpy.core.multiarray", "numpy._core.multiarray"),
        "ndarray": ("numpy",),
        "dtype": ("numpy",),
        "encode": ("_codecs",),
        "bytes": ("__builtin__", "builtins"),
    }.items()
    for module in modules
}
_CODES: Final = frozenset(["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
_OPCODES: Final = (
    *("PROTO", "FRAME", "STOP", "MARK", "POP", "REDUCE", "BUILD", "GLOBAL", "STACK_GLOBAL"),
    *("NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
    *("PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET", "MEMOIZE"),
)


def load(data: bytes) -> Any:
    """Return what a pickle holds.

    Returns
    -------
    object
        Numbers, text, bytes, None, tuples of these, and ndarrays of numbers for the arrays, at the top or in the
        top tuple.

    Raises
    ------
    PickleRefused
        If the pickle is broken or holds anything else; the message is the end of a sentence.
    """
    try:
        value = _Reader(data).load()
        return tuple(_resolve(item) for item in value) if isinstance(value, tuple) else _resolve(value)
    except PickleRefused:
        raise
    except Exception as error:  # broken bytes may fail anywhere in the unpickler, with any error
        raise PickleRefused("it is damaged") from error


class _Instructions:
    """The table in which the unpickler looks up instructions: only harmless ones, and a limited number of them."""

    def __init__(self, methods: dict[int, Any]) -> None:
        self.methods = methods
        self.left = MAX_INSTRUCTIONS

    def __getitem__(self, opcode: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise PickleRefused("it holds more than one score")
        if opcode not in self.methods:
            raise PickleRefused(f"it uses the pickle instruction {bytes([opcode])!r}, which no score needs")
        return self.methods[opcode]


_PythonUnpickler: Any = pickle._Unpickler  # the one in C allocates whatever size a file names


class _Reader(_PythonUnpickler):
    """The unpickler in Python with its dangerous parts replaced or left out."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="latin-1")
        self.dispatch = _Instructions(_METHODS)

    def find_class(self, module: str, name: str) -> _Name:
        if (module, name) not in _NAMES:
            wanted = ascii(f"{module}.{name}")[1:-1][:80]
            raise PickleRefused(f"it asks for {wanted}, not only for NumPy arrays")
        return _NAMES[module, name]

    def load_reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise PickleRefused("it calls something that is no function")
        self.stack.append(_build(function.name, *arguments))

    def load_build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, _Array):
            _, target.shape, target.dtype, target.fortran, target.raw = state
        elif isinstance(target, _Dtype):
            target.order = state[1]
        else:
            raise PickleRefused("it sets the state of something that is no array")

    def load_bytearray8(self) -> None:
        size = int.from_bytes(self.read(8), "little")  # the inherited method fills that many bytes with zeros first
        self.stack.append(self.read(size))


_METHODS: Final[dict[int, Any]] = {
    code: _PythonUnpickler.dispatch[code] for code in (getattr(pickle, opcode)[0] for opcode in _OPCODES)
}
_METHODS[pickle.REDUCE[0]] = _Reader.load_reduce
_METHODS[pickle.BUILD[0]] = _Reader.load_build
_METHODS[pickle.BYTEARRAY8[0]] = _Reader.load_bytearray8


def _build(function: str, *arguments: Any) -> _Array | _Dtype | _Scalar | _Encoded:
    if function == "_reconstruct":
        return _Array()
    if function == "_frombuffer":
        raw, dtype, shape, order = arguments
        return _Array(shape, dtype, order == "F", raw)
    if function == "scalar":
        return _Scalar(*arguments)
    if function == "dtype":
        return _Dtype(arguments[0])
    if function == "encode":
        return _Encoded(arguments[0])
    if function == "bytes" and not arguments:  # how Python 3 writes empty bytes in old protocols
        return _Encoded("")
    raise PickleRefused(f"it calls {function}")


def _resolve(value: Any) -> Any:
    if isinstance(value, _Array):
        return _to_array(value)
    if isinstance(value, _Scalar):
        return np.frombuffer(_to_bytes(value.raw), _to_dtype(value.dtype))[0]
    if isinstance(value, (_Name, _Dtype, _Encoded)):
        raise PickleRefused("it holds something other than numbers and arrays")
    return value


def _to_array(array: _Array) -> NDArray:
    dtype, raw = _to_dtype(array.dtype), _to_bytes(array.raw)
    if not isinstance(array.shape, tuple) or any(not isinstance(size, int) or size < 0 for size in array.shape):
        raise PickleRefused("its array has no proper shape")
    if math.prod(array.shape) * dtype.itemsize != len(raw):
        raise PickleRefused(f"its array holds {len(raw)} bytes, which is not what its shape says")
    return np.frombuffer(raw, dtype).reshape(array.shape, order="F" if array.fortran else "C")


def _to_dtype(dtype: Any) -> np.dtype:
    if not isinstance(dtype, _Dtype) or dtype.code not in _CODES or dtype.order not in ("|", "<", ">", "="):
        raise PickleRefused("its array does not hold plain numbers")
    return np.dtype(dtype.order.replace("|", "=") + dtype.code)


def _to_bytes(raw: Any) -> bytes:
    if isinstance(raw, _Encoded):
        raw = raw.text
    return raw.encode("latin-1") if isinstance(raw, str) else bytes(memoryview(raw))
