"""A take on the disk. It is read line by line in bounded memory, even if it is cut off, damaged or hostile."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

from livegen.errors import TakeError
from livegen.takes.lines import decode, decode_head
from livegen.takes.records import LOG_FILE, End, Head, Record

_MAX_LINE_BYTES: Final = 1 << 23
_MAX_LOG_BYTES: Final = 1 << 31
_TAIL_BYTES: Final = 1 << 12


class Take:
    """A take on the disk; it may be cut off anywhere.

    Parameters
    ----------
    path : Path
        Its folder, or its log.

    Attributes
    ----------
    path : Path
        Path of the log.
    head : Head

    Raises
    ------
    TakeError
        If there is no log, or it does not begin with a head.
    """

    def __init__(self, path: Path) -> None:
        self.path = path / LOG_FILE if path.is_dir() else path
        lines = self._lines()
        first = next(lines, None)
        if first is None:
            raise TakeError(f"{self.path}, line 1: the take is empty, and there is nothing to play")
        self.head: Head = self._read(1, first, decode_head)

    def records(self) -> Iterator[Record]:
        """Yield the records of the log after its head, one after another; an incomplete last line is skipped.

        Raises
        ------
        TakeError
            If a line is no record; the message has file and line.
        """
        for number, line in enumerate(self._lines(), 1):
            if number > 1:
                yield self._read(number, line, decode)

    def end(self) -> End | None:
        """Return the last record if the take was ended cleanly, else None; does not read the whole log."""
        with self._open() as file:
            size = file.seek(0, 2)
            file.seek(max(size - _TAIL_BYTES, 0))
            last = file.read(_TAIL_BYTES).rpartition(b"\n")[0].rpartition(b"\n")[2]
        try:
            record = decode(last)
        except ValueError:
            return None
        return record if isinstance(record, End) else None

    def _open(self) -> Any:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise TakeError(f"there is no take in {self.path.parent}: {error.strerror} ({self.path.name})") from error

    def _lines(self) -> Iterator[bytes]:
        n_bytes = number = 0
        with self._open() as file:
            while line := file.readline(_MAX_LINE_BYTES):
                number += 1
                n_bytes += len(line)
                if not line.endswith(b"\n"):
                    if len(line) == _MAX_LINE_BYTES:
                        self._refuse(number, f"the line is longer than {_MAX_LINE_BYTES >> 20} MiB, as no take's is")
                    return  # cut off
                if n_bytes > _MAX_LOG_BYTES:
                    self._refuse(number, f"the take is larger than {_MAX_LOG_BYTES >> 30} GiB, the most that is read")
                yield line

    def _read(self, number: int, line: bytes, reader: Callable[[bytes], Any]) -> Any:
        try:
            return reader(line)
        except RecursionError:
            self._refuse(number, "this is no JSON of a take: it is too deep")
        except ValueError as error:
            self._refuse(number, str(error))

    def _refuse(self, number: int, reason: str) -> NoReturn:
        raise TakeError(f"{self.path}, line {number}: {reason}")
