"""Pickles: every protocol of NES-MDB's arrays, and nothing that runs, grows or hangs."""

import base64
import pickle
import struct

import numpy as np
import pytest

from livegen.errors import FormatError
from livegen.formats.score import nesmdb
from livegen.formats.score.pickles import PickleRefused, load

FRAMES = np.zeros((2, 4, 3), np.uint8)
FRAMES[0, 0], FRAMES[1, 2], FRAMES[1, 3] = (60, 15, 2), (108, 0, 0), (16, 200, 1)

PYTHON_2 = {
    "cPickle 0": (
        "KEYyNApJMzY3NQpjbnVtcHkuY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApwMQooY251bXB5Cm5kYXJyYXkKcDIKKEkwCnRT"
        "J2InCnRScDMKKEkxCihJMgpJNApJMwp0Y251bXB5CmR0eXBlCnA0CihTJ3UxJwpJMApJMQp0UnA1CihJMwpTJ3wnCk5OTkktMQpJ"
        "LTEKSTAKdGJJMDAKUyc8XHgwZlx4MDJceDAwXHgwMFx4MDBceDAwXHgwMFx4MDBceDAwXHgwMFx4MDBceDAwXHgwMFx4MDBceDAw"
        "XHgwMFx4MDBsXHgwMFx4MDBceDEwXHhjOFx4MDEnCnRidC4="
    ),
    "cPickle 1": (
        "KEdAOAAAAAAAAE1bDmNudW1weS5jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnEBKGNudW1weQpuZGFycmF5CnECKEsAdFUB"
        "YnRScQMoSwEoSwJLBEsDdGNudW1weQpkdHlwZQpxBChVAnUxSwBLAXRScQUoSwNVAXxOTk5K/////0r/////SwB0YkkwMApVGDwP"
        "AgAAAAAAAAAAAAAAAAAAAGwAABDIAXRidC4="
    ),
    "cPickle 2": (
        "gAJHQDgAAAAAAABNWw5jbnVtcHkuY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxAWNudW1weQpuZGFycmF5CnECSwCFVQFi"
        "h1JxAyhLAUsCSwRLA4djbnVtcHkKZHR5cGUKcQRVAnUxSwBLAYdScQUoSwNVAXxOTk5K/////0r/////SwB0YolVGDwPAgAAAAAA"
        "AAAAAAAAAAAAAGwAABDIAXRihy4="
    ),
    "pickle 0": (
        "KEYyNC4wCkkzNjc1CmNudW1weS5jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnAwCihjbnVtcHkKbmRhcnJheQpwMQooSTAK"
        "dHAyClMnYicKcDMKdHA0ClJwNQooSTEKKEkyCkk0CkkzCnRwNgpjbnVtcHkKZHR5cGUKcDcKKFMndTEnCnA4CkkwCkkxCnRwOQpS"
        "cDEwCihJMwpTJ3wnCnAxMQpOTk5JLTEKSS0xCkkwCnRwMTIKYkkwMApTJzxceDBmXHgwMlx4MDBceDAwXHgwMFx4MDBceDAwXHgw"
        "MFx4MDBceDAwXHgwMFx4MDBceDAwXHgwMFx4MDBceDAwXHgwMGxceDAwXHgwMFx4MTBceGM4XHgwMScKcDEzCnRwMTQKYnRwMTUK"
        "Lg=="
    ),
    "scalars": (
        "KGNudW1weS5jb3JlLm11bHRpYXJyYXkKc2NhbGFyCnAxCihjbnVtcHkKZHR5cGUKcDIKKFMnZjgnCkkwCkkxCnRScDMKKEkzClMn"
        "PCcKTk5OSS0xCkktMQpJMAp0YlMnXHgwMFx4MDBceDAwXHgwMFx4MDBceDAwOEAnCnRScDQKZzEKKGcyCihTJ2k4JwpJMApJMQp0"
        "UnA1CihJMwpTJzwnCk5OTkktMQpJLTEKSTAKdGJTJ1tceDBlXHgwMFx4MDBceDAwXHgwMFx4MDBceDAwJwp0UnA2CmNudW1weS5j"
        "b3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnA3CihjbnVtcHkKbmRhcnJheQpwOAooSTAKdFMnYicKdFJwOQooSTEKKEkyCkk0"
        "CkkzCnRnMgooUyd1MScKSTAKSTEKdFJwMTAKKEkzClMnfCcKTk5OSS0xCkktMQpJMAp0YkkwMApTJzxceDBmXHgwMlx4MDBceDAw"
        "XHgwMFx4MDBceDAwXHgwMFx4MDBceDAwXHgwMFx4MDBceDAwXHgwMFx4MDBceDAwXHgwMGxceDAwXHgwMFx4MTBceGM4XHgwMScK"
        "dGJ0Lg=="
    ),
}
"""``(24.0, 3675, FRAMES)`` as Python 2.7 and NumPy 1.16 wrote it, in base 64."""


@pytest.mark.parametrize("name", PYTHON_2)
def test_what_python_2_wrote_is_read(name):
    rate, n_samples, frames = load(base64.b64decode(PYTHON_2[name]))
    assert (rate, n_samples) == (24.0, 3675)
    assert np.array_equal(frames, FRAMES)
    assert frames.dtype == np.uint8


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "array",
    [
        FRAMES,
        np.asfortranarray(FRAMES),
        FRAMES.astype(">i8"),
        FRAMES.astype("<f4"),
        np.zeros((0, 4, 3), np.uint8),
        np.random.default_rng(1).integers(0, 256, (3000, 4, 3), np.uint8),
    ],
    ids=["small", "fortran", "big endian", "float", "empty", "large"],
)
def test_every_protocol_is_read(protocol, array):
    read = load(pickle.dumps((np.float64(24), np.int64(7), array), protocol))
    assert read[:2] == (24.0, 7)
    assert np.array_equal(read[2], array)


class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def deep(n_levels):
    return b"(" + b")" + b"\x85" * n_levels + b"."


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [exec, eval, print, getattr, np.load, np.fromfile, np.zeros, open])
def test_a_call_is_refused_and_does_not_happen(tmp_path, function, protocol):
    path = str(tmp_path / "made")
    hostile = (24.0, 1, Call(function, path if function is not exec else f"open({path!r}, 'w')", "w"))
    with pytest.raises(PickleRefused, match="not only for NumPy arrays"):
        load(pickle.dumps(hostile, protocol))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"N",
        b"\x80\xff.",
        b"garbage",
        b"cos\nsystem\n(S'true'\ntR.",  # the classic
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        b"cnumpy\nndarray\n(I1000000000000\ntR.",
        b"cnumpy\nndarray\n.",
        b"cnumpy\ndtype\n(S'O'\nI0\nI1\ntR.",
        b"c_codecs\nencode\n(Vab\nVrot13\ntR.",
        b"N(I1\ntR.",  # calls None
        b"N}b.",  # sets the state of None
        b"c_codecs\nencode\n(NN}S'__code__'\nI1\nsb.",
        b"}.",
        b"].",
        b"\x8f.",
        b"P1\n.",  # a persistent id
        b"\x82\x01.",  # a registered extension
        b"\x97.",  # an out-of-band buffer
        b"\x96" + struct.pack("<Q", 2**40) + b".",  # a bytearray of a terabyte
        b"\x8e" + struct.pack("<Q", 2**62) + b".",
        b"\x95" + struct.pack("<Q", 2**62) + b".",
        b"\x8b" + struct.pack("<i", 2**31 - 1) + b".",
        b"I" + b"9" * 100_000 + b"\n.",
        b"g1\n.",
        b"t.",
        b"\x87.",
        b"Nr\xff\xff\xff\xff0.",  # memo entry 2**32 - 1
        b"N" * 1_000_000 + b".",
        b"N" + b"\x94" * 1_000_000 + b".",
        deep(1_000_000),
    ],
)
def test_hostile_pickles_are_refused(data):
    with pytest.raises(PickleRefused):
        load(data)


def array_pickle(shape, raw, code="u1", order="|"):
    """A pickle whose array claims what it likes, in protocol 0."""
    sizes = "".join(f"I{size}\n" for size in shape)
    dtype = f"cnumpy\ndtype\n(S'{code}'\nI0\nI1\ntR(I3\nS'{order}'\nNNNI-1\nI-1\nI0\ntb"
    array = "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
    return f"(F24\nI1\n{array}(I1\n({sizes}t{dtype}I00\nS'{raw}'\ntbt.".encode()


def test_the_hand_made_array_is_read_when_it_is_honest():
    assert load(array_pickle((2, 2), "abcd"))[2].tobytes() == b"abcd"


@pytest.mark.parametrize(
    "data",
    [
        array_pickle((10**12, 4, 3), "abcd"),
        array_pickle((-1, -4), "abcd"),
        array_pickle((2, 3), "abcd"),
        array_pickle((2, 2), "abcd", code="O8"),
        array_pickle((2,), "abcd", code="V2"),
        array_pickle((4,), "abcd", order="x"),
        array_pickle((4,), "abcd").replace(b"(I4\nt", b"S'4'\n"),
        array_pickle((4,), "abcd").replace(b"(I4\nt", b"(F4\nt"),
        array_pickle((4,), "abcd").replace(b"S'abcd'", b"I1234"),
        array_pickle((4,), "abcd").replace(b"S'abcd'", b"Vabc\\u1234"),
    ],
)
def test_an_array_that_is_not_what_it_says_is_refused(data):
    with pytest.raises(PickleRefused):
        load(data)


def test_the_error_names_the_file_and_what_it_asks_for(tmp_path):
    path = tmp_path / "evil.exprsco.pkl"
    path.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(FormatError, match=r"evil\.exprsco\.pkl .* asks for os\.system"):
        nesmdb.load_exprsco(path)


def test_what_is_written_has_the_names_that_older_numpy_knows(tmp_path):
    nesmdb.save_seprsco(tmp_path / "a.seprsco.pkl", np.zeros((4, 4, 3), np.uint8))
    data = (tmp_path / "a.seprsco.pkl").read_bytes()
    assert data[:2] == b"\x80\x02"
    assert b"numpy.core.multiarray" in data
    assert b"numpy._core" not in data
