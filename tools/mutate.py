"""Damage files by chance and read them: `PYTHONPATH=. python tools/mutate.py [READER ...] [--count 100000] [--seed 1]`.

Every mutation of a good file must be read, or refused in one sentence that says where it is wrong, in bounded time and
memory. What breaks that is found: the first of each kind is printed and kept under `--keep`, and the exit code is 1.
Songs of trackers are played for a minute at most here, so that many can be tried.
"""

import argparse
import random
import re
import resource
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from livegen.errors import LivegenError
from livegen.formats.chip import nsf_track
from livegen.formats.chip.nsf_file import HEADER_BYTES
from livegen.formats.score.kinds import read_piece, write_piece
from livegen.formats.score.piece import Piece
from livegen.formats.tracker import ticks
from livegen.offline.convert import Options, convert
from livegen.patch import parse_patch
from livegen.patch.samples import read_sample
from livegen.score import NOTE_RANGE, TIMBRE_MAX, VOLUME_MAX, Column, Voice
from livegen.system.resources import patches_folder

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from nsf_files import chunk

SECONDS_MAX: Final = 5.0  # of the processor, for one file; a machine may be five times as slow as ours
MEMORY_MAX: Final = 1 << 30  # bytes more than before
SENTENCE_MAX: Final = 600  # characters
PLAYED_SECONDS: Final = 60

_NUMBERS: Final = (-1, 0, 1, 31, 255, 256, 65536, 10**12)
_EFFECTS: Final = "0123479ABCDFGKLMNOPQRSTV"
_PATCH: Final = """
[p1]
volume = [15, 12, 10]
volume_loop = 1
arpeggio = [0, 4, 7]
[no]
volume = [3, 0]
[drums.36]
note = 2
volume = 0
sample = "data:VVVVVVVVVVVVVVVVVVVVVVVVVVVV"
sample_rate = 9
[drums.38]
sample = "hit.dmc"
[controls]
temperature = 0.9
p1.role = "player"
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """What reads a kind of file.

    Attributes
    ----------
    ending : str
        What the names of such files end in.
    read : callable
        Reads a file.
    places : str
        What a refusal has to say, a regular expression: where the file is wrong, or what it is as a whole.
    is_text : bool
        Whether its files are damaged by words and lines, too.
    """

    ending: str
    read: Callable[[Path], object]
    places: str
    is_text: bool = False


def _read_sample(path: Path) -> None:
    assert len(read_sample(path.name, path.parent, 15)) % 16 == 1


def _read_patch(path: Path) -> None:
    parse_patch(path.read_bytes().decode("utf-8", "replace"), path.name, "m", path.parent)


def _read_nsf(path: Path) -> None:
    assert nsf_track.read_track(path, seconds=0.3).length > 0


_TRACKER: Final = r"line \d+|is no text of|holds no song|does not end within|is too large"
_WAV: Final = "is no sound|has no sound|lasts|more than any"
_NSF: Final = r"byte|by its flags|song|NSF file"
_VGM: Final = r"byte|gzip|VGM|Hz|chip|wait|loop|hour"
READERS: Final = {
    "famitracker": Reader(".ftm.txt", read_piece, _TRACKER, is_text=True),
    "famistudio": Reader(".fs.txt", read_piece, _TRACKER, is_text=True),
    "dmc": Reader(".dmc", _read_sample, "is empty|at byte"),
    "wav": Reader(".wav", _read_sample, _WAV),
    "patch": Reader(".toml", _read_patch, r"line \d+", is_text=True),
    "vgm": Reader(".vgm", read_piece, _VGM),
    "nsf": Reader(".nsf", _read_nsf, _NSF),
    "nsf2": Reader(".nsf", _read_nsf, _NSF),
    "nsfe": Reader(".nsfe", _read_nsf, _NSF),
}


def originals(name: str, folder: Path) -> list[bytes]:
    """Return good files of a kind; those that they name are written into a folder."""
    path = folder / f"good{READERS[name].ending}"
    if name == "dmc":
        return [bytes(random.Random(1).choices(range(256), k=500))]
    if name == "patch":
        (folder / "hit.dmc").write_bytes(b"\x55" * 33)
        texts = [_PATCH.encode(), *(file.read_bytes() for file in sorted(patches_folder().glob("*.toml")))]
        for file in (patches_folder() / "samples").iterdir():
            (folder / "samples").mkdir(exist_ok=True)
            (folder / "samples" / file.name).write_bytes(file.read_bytes())
        return texts
    if name == "wav":
        sound = 0.6 * np.sin(np.arange(900)[:, None] / [9.0, 7.0])
        files = []
        for kind, form in (("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAVEX", "PCM_24"), ("WAV", "IMA_ADPCM"),
                           ("RF64", "PCM_U8"), ("W64", "PCM_16")):  # fmt: skip
            soundfile.write(path, sound, 22050, form, format=kind)
            files.append(path.read_bytes())
        return files
    piece = Piece(_song(10 if READERS[name].is_text else 40), tempos=((0, 180.0),))
    if READERS[name].is_text:
        write_piece(path, piece)
        return [path.read_bytes()]
    path = folder / f"good.{'nsf' if name.startswith('nsf') else name}"
    write_piece(folder / "good.npz", piece)
    convert(folder / "good.npz", path, Options())
    data = path.read_bytes()
    return [{"nsf2": _nsf2, "nsfe": _nsfe}.get(name, bytes)(data)]


def _nsf2(nsf: bytes) -> bytes:
    """Return an NSF file as one of version 2, with chunks behind its program."""
    head = bytearray(nsf[:HEADER_BYTES])
    head[5] = 2
    head[0x7D:HEADER_BYTES] = (len(nsf) - HEADER_BYTES).to_bytes(3, "little")
    return bytes(head) + nsf[HEADER_BYTES:] + _told() + chunk(b"NEND")


def _nsfe(nsf: bytes) -> bytes:
    """Return an NSF file as an NSFe file."""
    info = nsf[0x08:0x0E] + nsf[0x7A:0x7C] + bytes((1, 0))
    rate = nsf[0x6E:0x70] + nsf[0x78:0x7A]
    parts = ((b"INFO", info), (b"BANK", nsf[0x70:0x78]), (b"RATE", rate), (b"DATA", nsf[HEADER_BYTES:]))
    return b"NSFE" + b"".join(chunk(*part) for part in parts) + _told() + chunk(b"NEND")


def _told() -> bytes:
    """Return the chunks that tell names, times and the order of songs."""
    parts = ((b"auth", b"A\0B\0C\0D\0"), (b"tlbl", b"First\0"), (b"taut", b"E\0"), (b"plst", b"\0\0"),
             (b"time", struct.pack("<i", 300)), (b"fade", struct.pack("<i", -1)), (b"regn", b"\3\0"))  # fmt: skip
    return b"".join(chunk(*part) for part in parts)


def _song(n_frames: int) -> np.ndarray:
    """Return a score of notes by chance, some frames each."""
    chance = np.random.default_rng(0)
    frames = np.zeros((n_frames, 4, 3), np.uint8)
    for voice in Voice:
        lowest, highest = NOTE_RANGE[voice]
        notes = chance.integers(lowest, highest + 1, n_frames) * (chance.random(n_frames) < 0.8)
        frames[:, voice, Column.NOTE] = np.repeat(notes, 4)[:n_frames]
        sounds = frames[:, voice, Column.NOTE] > 0
        frames[:, voice, Column.VOLUME] = chance.integers(min(1, VOLUME_MAX[voice]), VOLUME_MAX[voice] + 1) * sounds
        frames[:, voice, Column.TIMBRE] = chance.integers(0, TIMBRE_MAX[voice] + 1)
    return frames


def mutated(data: bytes, chance: random.Random, *, is_text: bool = False) -> bytes:
    """Return a file of which some bytes, or some characters, words or lines of a text, are others, gone or doubled."""
    if is_text and chance.random() < 0.8:
        return _mutated_text(data.decode("utf-8", "replace"), chance).encode("utf-8", "replace")
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if not changed:
            break
        near = len(changed) if chance.random() < 0.5 else min(len(changed), 0x100)
        at, kind = chance.randrange(near), chance.randrange(7)
        if kind == 0:
            changed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, 0x66, 0x67, 0xC2, 0x61, chance.randrange(256)))
        elif kind == 1:
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            number = chance.choice((0, 1, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, chance.getrandbits(32)))
            changed[at : at + 4] = struct.pack(chance.choice("<>") + "I", number)
        elif kind == 3:
            del changed[at : at + chance.choice((1, 4, 100, 5000))]
        elif kind == 4:
            changed[at:at] = chance.randbytes(chance.choice((1, 4, 300)))
        elif kind == 5:
            other = chance.randrange(len(changed))
            changed[at : at + 8] = changed[other : other + 8]
        elif chance.random() < 0.3:
            del changed[at:]
    return bytes(changed)


def _mutated_text(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(lines))
        line, kind = lines[at], chance.randrange(7)
        if kind == 0 and line:
            place = chance.randrange(len(line))
            character = chr(chance.choice((chance.randrange(32, 127), chance.randrange(0x3000))))
            lines[at] = line[:place] + character + line[place + 1 :]
        elif kind == 1:
            lines[at] = re.sub(r"-?\d+", lambda _: str(chance.choice(_NUMBERS)), line, count=chance.randrange(1, 4))
        elif kind == 2:
            del lines[at]
            lines = lines or [""]
        elif kind == 3:
            lines[at:at] = [line] * chance.choice((1, 3))
        elif kind == 4:
            lines[at] = re.sub(r"\.\.\.$", lambda _: f"{chance.choice(_EFFECTS)}{chance.randrange(256):02X}", line)
        elif kind == 5:
            words = line.split(" ")
            words[chance.randrange(len(words))] = chance.choice(chance.choice(lines).split(" "))
            lines[at] = " ".join(words)
        else:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
    return "\n".join(lines)


def trouble(reader: Reader, path: Path) -> tuple[str, str]:
    """Read a file and return what is wrong with how it was read, or else nothing; and what it was refused for."""
    began = time.process_time()
    refusal = found = ""
    try:
        reader.read(path)
    except LivegenError as error:
        refusal = str(error)
        if "\n" in refusal or len(refusal) > SENTENCE_MAX:
            found = f"no sentence: {refusal[:SENTENCE_MAX]!r}"
        elif not re.search(reader.places, refusal):
            found = f"a sentence without a place: {refusal}"
    except Exception:
        found = traceback.format_exc(limit=-4)
    seconds = time.process_time() - began
    return found or (f"it took {seconds:.1f} s" if seconds > SECONDS_MAX else ""), refusal


def main() -> None:
    """Print a line for each reader and what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"of {', '.join(READERS)}; else all")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "livegen-mutations")
    options = parser.parse_args()
    if unknown := set(options.readers) - set(READERS):
        parser.error(f"there is no reader {', '.join(sorted(unknown))}: choose of {', '.join(READERS)}")
    ticks.MAX_SECONDS = PLAYED_SECONDS  # type: ignore[misc]
    n_found = 0
    for name in options.readers or READERS:
        n_found += _try(name, options.count, options.seed, options.keep)
    sys.exit(1 if n_found else 0)


def _try(name: str, count: int, seed: int, keep: Path) -> int:
    """Return how many mutations of a kind of file were found to be read badly."""
    reader, kinds, shapes, n_found = READERS[name], Counter[str](), Counter[str](), Counter[str]()
    worst = began = 0.0
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        path = Path(folder) / f"m{reader.ending}"
        good = originals(name, Path(folder))
        for data in good:
            path.write_bytes(data)
            reader.read(path)  # compiles, too
        _bound_memory()
        began = time.process_time()
        for n in range(count):
            chance = random.Random(f"{name} {seed} {n}")
            data = mutated(chance.choice(good), chance, is_text=reader.is_text)
            path.write_bytes(data)
            before = time.process_time()
            found, refusal = trouble(reader, path)
            worst = max(worst, time.process_time() - before)
            kinds["found" if found else "refused" if refusal else "read"] += 1
            if refusal:
                shapes[_shape(refusal)] += 1
            if found:
                n_found[_shape(found)] += 1
            if found and n_found[_shape(found)] == 1:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{name}-{seed}-{n}{reader.ending}").write_bytes(data)
                sys.stdout.write(f"{name} {seed} {n}: {found}\n")
                sys.stdout.flush()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    sys.stdout.write(
        f"{name}: {count:,} mutations, {kinds['read']:,} read, {kinds['refused']:,} refused by {len(shapes)} sentences"
        f", {kinds['found']:,} found; slowest {worst:.2f} s, peak {peak} MiB, all {time.process_time() - began:.0f} s\n"
    )
    sys.stdout.flush()
    return kinds["found"]


def _shape(text: str) -> str:
    """Return the end of a text without what differs from file to file: numbers and what is quoted."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|[\d,.]+|\$\w+", "_", text)[-90:]


def _bound_memory() -> None:
    """Let the process have no more than `MEMORY_MAX` bytes beside those that it has; more is a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY_MAX, hard))


if __name__ == "__main__":
    main()
