"""The colours of the voices are told apart by those who see fewer colours, on the page and in pictures of scores."""

import re
from itertools import combinations
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from livegen.formats.score.roll import VOICE_COLOURS
from livegen.score import Voice
from livegen.web.page.files import read_files

SEEN_BY: Final = {
    "everybody": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""What linear RGB becomes for those who lack a kind of cone (Machado, Oliveira and Fernandes 2009, severity 1.0)."""

XYZ: Final = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
WHITE: Final = [0.95047, 1.0, 1.08883]
LEAST: Final = 25.0
"""Distance of two voices in CIE L*a*b* (1976), in which 2.3 is just noticed; patches of notes are small."""


def linear(colour: str) -> NDArray[np.float64]:
    """Return linear RGB, as IEC 61966-2-1 has it."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return CIE L*a*b* of linear RGB."""
    ratio = XYZ @ np.clip(rgb, 0.0, 1.0) / WHITE
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(colours: list[str], eyes: str) -> float:
    """Return the distance of the two colours that are most alike to some eyes."""
    seen = [lab(np.array(SEEN_BY[eyes]) @ linear(colour)) for colour in colours]
    return min(float(np.linalg.norm(one - other)) for one, other in combinations(seen, 2))


@pytest.mark.parametrize("eyes", SEEN_BY)
def test_voices_are_told_apart(eyes: str) -> None:
    assert nearest(list(VOICE_COLOURS.values()), eyes) > LEAST


def test_some_colours_are_not() -> None:
    assert nearest(["#ff6b81", "#7bd88f"], "no green") < LEAST < nearest(["#ff6b81", "#7bd88f"], "everybody")


def test_the_page_has_the_colours_of_the_pictures() -> None:
    css = read_files()["stage.css"].content.decode()
    for voice in Voice:
        assert re.findall(rf"^ *--{voice.name.lower()}: (#\w+);", css, re.M) == [VOICE_COLOURS[voice]]
