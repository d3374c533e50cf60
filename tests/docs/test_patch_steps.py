"""The patches of the guide: each sounds otherwise than the one before, and together they have every key."""

import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from written_commands import ROOT, blocks

sys.path.insert(0, str(ROOT / "tests" / "synth"))
from synth_rig import Rig

from livegen.patch import DRUM_KEYS, PATCH_KEYS, VOICE_KEYS
from livegen.patch.keys import MACRO_SUFFIXES
from livegen.score import Voice

STEPS = blocks("docs/patches.md", "toml")
NAMES = [tomllib.loads(step)["name"] for step in STEPS]
N_SAMPLES = 12_000
"""A quarter of a second."""


def played(text: str) -> NDArray[np.float32]:
    """Return how a patch sounds: two keys that overlap, struck softly, with the wheel, let go of, and a drum."""
    rig = Rig(text)
    rig.frames(*[{Voice.P2: (64, 9, 2), Voice.NO: (2, 12, 0)}] * 3)
    for voice in (Voice.P1, Voice.TR):
        rig.down(voice, 60, volume=10)
    sound = [rig.run(N_SAMPLES)]
    for voice in (Voice.P1, Voice.TR):
        rig.down(voice, 67, key=67, volume=10)
    rig.express(Voice.P1, modulation=0.5, pressure=0.5)
    sound.append(rig.run(N_SAMPLES))
    rig.up(Voice.P1)
    rig.up(Voice.TR)
    sound.append(rig.run(N_SAMPLES))
    rig.down(Voice.NO, 2, key=36, volume=10)
    sound.append(rig.run(N_SAMPLES))
    return np.concatenate(sound)[:, 0]


def test_the_guide_goes_from_a_beep_to_a_boss_fight() -> None:
    assert (NAMES[0], NAMES[-1]) == ("beep", "boss")
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("index", range(len(STEPS)), ids=NAMES)
def test_a_step_is_heard(index: int) -> None:
    sound = played(STEPS[index])
    assert np.isfinite(sound).all()
    assert np.abs(sound - sound.mean()).max() > 0.05
    if index:
        assert not np.array_equal(sound, played(STEPS[index - 1]))


def test_every_key_of_a_patch_is_introduced() -> None:
    told = {key for step in STEPS for section in sections(tomllib.loads(step)) for key in section}
    keys = {key.name for key in (*PATCH_KEYS, *VOICE_KEYS, *DRUM_KEYS)}
    page = (ROOT / "docs" / "patches.md").read_text(encoding="utf-8")
    assert {key for key in keys - told if f"`{key}" not in page} == set()
    assert keys - told == {"sample", "sample_rate"}  # they ask for a file beside the patch
    assert {f"volume_{suffix}" for suffix in MACRO_SUFFIXES} <= told


def sections(patch: dict) -> list[dict]:
    voices = [patch[name] for name in ("p1", "p2", "tr", "no") if name in patch]
    return [dict.fromkeys(patch), *voices, *patch.get("drums", {}).values()]


def test_a_shipped_boss_fight_is_there() -> None:
    assert Path(ROOT / "patches" / "boss_fight.toml").is_file()
