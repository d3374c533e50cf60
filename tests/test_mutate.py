"""Damaged files are read, or refused with their place; `python tools/mutate.py` tries 100,000 of each kind."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("resource", reason="the tool bounds its memory as Unix does")
sys.path.append(str(Path(__file__).parents[1] / "tools"))

from mutate import PLAYED_SECONDS, READERS, mutated, originals, trouble

from livegen.formats.tracker import ticks

Kind = tuple[str, Path, list[bytes]]


@pytest.fixture(scope="module", params=READERS)
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kind]:
    """A kind of file, a folder for one, and good ones."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ticks, "MAX_SECONDS", PLAYED_SECONDS)
        yield request.param, folder, originals(request.param, folder)


def test_the_originals_are_read(kind: Kind) -> None:
    name, folder, good = kind
    for data in good:
        path = folder / f"m{READERS[name].ending}"
        path.write_bytes(data)
        assert trouble(READERS[name], path) == ("", "")


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_mutation_is_read_or_refused_with_its_place(kind: Kind, seed: int) -> None:
    name, folder, good = kind
    chance, path = random.Random(seed), folder / f"m{READERS[name].ending}"
    path.write_bytes(mutated(chance.choice(good), chance, is_text=READERS[name].is_text))
    found, refusal = trouble(READERS[name], path)
    assert not found
    assert not refusal or path.name in refusal


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("dmc", bytes(9000), "cut it off at byte 4,081"),
        ("wav", b"\xff\xfb\x90\0" * 400, "is no sound that can be read: save it as a WAV file"),
        ("patch", b"[p1", "line 1"),
        ("nsf", b"NESM\x1a\1\1\1\0\x80\0\0\0\x80" + bytes(200), "by byte 10 of its header"),
    ],
)
def test_each_kind_that_was_found_has_its_place(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    path = tmp_path / f"m{READERS[name].ending}"
    path.write_bytes(data)
    found, refusal = trouble(READERS[name], path)
    assert not found
    assert says in refusal
