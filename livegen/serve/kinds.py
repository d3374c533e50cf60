"""The kinds of files that a result can be had as."""

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The ending of a file's name, without its dot."""

    WAV = "wav"
    FLAC = "flac"
    MID = "mid"
    VGM = "vgm"
    NSF = "nsf"
    NPZ = "npz"
    PNG = "png"


_BYTES: Final = "application/octet-stream"

MEDIA_TYPES: Final = {
    Kind.WAV: "audio/wav",
    Kind.FLAC: "audio/flac",
    Kind.MID: "audio/midi",
    Kind.VGM: _BYTES,
    Kind.NSF: _BYTES,
    Kind.NPZ: _BYTES,
    Kind.PNG: "image/png",
}
"""How HTTP calls each."""
