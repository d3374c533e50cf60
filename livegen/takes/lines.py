"""The lines of a take's log, in JSON Lines: one object a line, whose first key says what it is.

Numbers come back bit for bit: each real is written as the shortest decimal from which it can be read exactly. A line
may hold anything. If it is no record, ValueError is raised with words that follow the file's name and line number.
"""

import json
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from livegen.beat import Beat
from livegen.controls import DEFAULTS, Value, parse_value
from livegen.errors import ControlError, LivegenError
from livegen.events import StampedEvent
from livegen.performance.performance import Call
from livegen.performance.state import ControlInForce, Message, Refused
from livegen.score import N_COLUMNS, N_VOICES, validate_frames
from livegen.score_table import PlannedFrame
from livegen.takes.events import decode_event, encode_event
from livegen.takes.records import MAX_FRAMES, End, Gap, Head, Kept, Loaded, Note, Played, Record, Turned
from livegen.voices import VOICE_OF_NAME

VERSION: Final = 1
"""Version of the log's layout."""

_MAX_CALLS: Final = 8
_MAX_PLAN: Final = 256
_MAX_EVENTS: Final = 1 << 14
_MAX_SOURCE: Final = 256
_OWNERS: Final = "mpo"  # MODEL, PLAYER, OFF


def encode(record: Head | Record) -> bytes:
    """Return the line of a record, with its line end."""
    line = json.dumps(_WRITERS[type(record)](record), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return line.encode("utf-8", "replace") + b"\n"


def decode_head(line: bytes) -> Head:
    """Return the head that a line holds; raises ValueError."""
    table = _parse(line)
    if "take" not in table:
        raise ValueError("this is no take's head")
    if table["take"] != VERSION:
        raise ValueError(
            f"the take is of version {_shown(table['take'])}, and this livegen reads {VERSION}: update livegen"
        )
    return _head(table)


def decode(line: bytes) -> Record:
    """Return the record that a line holds; raises ValueError."""
    table = _parse(line)
    kind = next(iter(table), "")
    reader = _READERS.get(kind)
    if reader is None:
        raise ValueError(f"there is no record {kind[:40]!r}")
    return reader(table)


def _parse(line: bytes) -> dict[str, Any]:
    def no_number(text: str) -> NoReturn:
        raise ValueError(f"{text} is no number")

    try:
        table = json.loads(line.decode("utf-8"), parse_constant=no_number)
    except UnicodeDecodeError:
        raise ValueError("this is no UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"this is no JSON ({error.msg} at character {error.pos + 1})") from None
    if not isinstance(table, dict):
        raise ValueError("this is no record: allowed is one JSON object a line")
    return table


def _write_head(head: Head) -> dict[str, Any]:
    return {"take": VERSION} | {name: _plain(getattr(head, name)) for name in Head.__slots__}


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _head(table: dict[str, Any]) -> Head:
    patch = _texts_at(table, "patch", "name", "sha256")
    values: dict[str, Value] = {}
    for name, value in _table_at(table, "values").items():
        try:
            if name not in DEFAULTS or parse_value(name, value) != value:
                raise ValueError(f"values: {name[:40]} cannot be {_shown(value)}")
        except ControlError as error:
            raise ValueError(str(error)) from None
        values[name] = value
    return Head(
        _text_at(table, "started"),
        _texts_at(table, "versions"),
        _int_at(table, "seed", 0, 2**64 - 1),
        _texts_at(table, "model", "name", "folder", "sha256"),
        patch,
        _texts_at(table, "patches", patch["name"]),
        values,
        _int_at(table, "sample_rate", 8_000, 192_000),
        _texts_at(table, "settings"),
        _voice_models(table),
    )


def _voice_models(table: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the models that play a voice alone; a take of an older livegen has none."""
    models = _table_at(table, "voice_models") if "voice_models" in table else {}
    for name in models:
        if name not in VOICE_OF_NAME:
            raise ValueError(f"voice_models: there is no voice {name[:40]!r}")
    return {name: _texts_at(models, name, "name", "folder", "sha256") for name in models}


def _write_turned(record: Turned) -> dict[str, Any]:
    calls = [[call.to_frame] if call.plan_to is None else list(call) for call in record.calls]
    line: dict[str, Any] = {"call": calls, "ns": record.at_ns}
    if record.events:
        line["in"] = [
            [stamped.position, time_ns, stamped.source, *encode_event(stamped.event)]
            for stamped, time_ns in zip(record.events, record.times_ns, strict=True)
        ]
    if record.messages:
        line["said"] = [_write_message(message) for message in record.messages]
    if record.n_held:
        line["held"] = record.n_held
    if record.is_late:
        line["late"] = True
    return line


def _turned(table: dict[str, Any]) -> Turned:
    calls = tuple(_call(written) for written in _list_at(table, "call", _MAX_CALLS))
    stamped = [_stamped(written) for written in _list_at(table, "in", _MAX_EVENTS)]
    return Turned(
        _int_at(table, "ns"),
        calls,
        tuple(event for event, _ in stamped),
        tuple(time_ns for _, time_ns in stamped),
        tuple(_message(written) for written in _list_at(table, "said", _MAX_EVENTS)),
        _int_at(table, "held", 0, MAX_FRAMES, default=0),
        table.get("late", False) is True,
    )


def _call(written: Any) -> Call:
    if isinstance(written, list) and 1 <= len(written) <= 2 and all(type(frame) is int for frame in written):
        call = Call(*written)
        if 0 <= call.to_frame <= MAX_FRAMES and (
            call.plan_to is None or 0 <= call.plan_to - call.to_frame <= _MAX_PLAN
        ):
            return call
    raise ValueError(f"there is no call {_shown(written)}")


def _stamped(written: Any) -> tuple[StampedEvent, int]:
    if not isinstance(written, list) or len(written) < 4:
        raise ValueError("an event has no time, source and name")
    position, time_ns, source = written[:3]
    if type(position) not in (int, float) or not abs(position) <= MAX_FRAMES:
        raise ValueError(f"an event cannot fall in frame {_shown(position)}")
    if type(time_ns) is not int or type(source) is not str or len(source) > _MAX_SOURCE:
        raise ValueError("an event has a time that is no whole number or a source that is no name")
    return StampedEvent(decode_event(written[3:]), source, float(position)), time_ns


def _write_message(message: Message) -> list[Any]:
    if isinstance(message, Refused):
        return ["refused", message.name, message.reason, message.source]
    kind = "follows" if message.is_consequence else "set"
    return [kind, message.name, message.value, message.source]


def _message(written: Any) -> Message:
    if not isinstance(written, list) or len(written) != 4 or written[0] not in ("refused", "set", "follows"):
        raise ValueError("what was said of a control is no list of four")
    kind, name, value, source = written
    if type(name) is not str or type(source) is not str or type(value) not in (float, int, bool, str):
        raise ValueError(f"what was said of the control {_shown(name)} cannot be {_shown(value)}")
    if kind == "refused":
        return Refused(name, str(value), source)
    return ControlInForce(name, value, source, kind == "follows")


def _are_small(values: Any, limit: int) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < limit for value in values)


def _write_played(record: Played) -> dict[str, Any]:
    planned = record.planned
    line: dict[str, Any] = {
        "frame": planned.frame_index,
        "is": planned.frame.tobytes().hex(),
        "by": "".join(_OWNERS[owner] for owner in planned.owner),
    }
    if planned.onset_offset.any():
        line["offset"] = planned.onset_offset.tolist()
    if record.beat is not None:
        line["beat"] = [record.beat.period_frames, record.beat.phase]
    return line


@lru_cache(maxsize=4096)  # most frames are the same as the one before
def _frame(written: str) -> NDArray[np.uint8]:
    frame = np.frombuffer(bytes.fromhex(written), np.uint8).reshape(N_VOICES, N_COLUMNS)
    validate_frames(frame[None])
    return frame


def _played(table: dict[str, Any]) -> Played:
    frame_index = _int_at(table, "frame", 0, MAX_FRAMES - 1)
    try:
        frame = _frame(_text_at(table, "is"))
    except (ValueError, LivegenError) as error:
        raise ValueError(f"what was played in frame {frame_index} is no frame of a score ({error})") from None
    by = _text_at(table, "by")
    if len(by) != N_VOICES or not set(by) <= set(_OWNERS):
        raise ValueError(f"who played frame {frame_index} cannot be {_shown(by)}")
    offsets = _reals_at(table, "offset", N_VOICES) or [0.0] * N_VOICES
    if not all(-1 < offset < 1 for offset in offsets):
        raise ValueError(f"an onset of frame {frame_index} is off by a frame or more")
    beat = _reals_at(table, "beat", 2)
    owner = np.array([_OWNERS.index(who) for who in by], np.uint8)
    planned = PlannedFrame(frame_index, frame, owner, np.array(offsets, np.float64))
    return Played(planned, Beat(*beat) if beat else None)


def _write_note(record: Note) -> dict[str, Any]:
    return {"note": record.what, "count": record.count, "ns": record.at_ns}


def _write_kept(record: Kept) -> dict[str, Any]:
    return {"capture": record.name, "from": record.first, "to": record.end}


def _kept(table: dict[str, Any]) -> Kept:
    first, end = (_int_at(table, key, 0, MAX_FRAMES) for key in ("from", "to"))
    return Kept(_text_at(table, "capture"), first, end)


def _write_end(record: End) -> dict[str, Any]:
    return {"end": record.n_frames, "events": record.n_events, "notes": list(record.n_notes)}


def _end(table: dict[str, Any]) -> End:
    notes = table.get("notes")
    if not _are_small(notes, MAX_FRAMES) or len(notes) != N_VOICES:  # type: ignore[arg-type]
        raise ValueError("notes by voice are no list of four numbers")
    return End(_int_at(table, "end", 0, MAX_FRAMES), _int_at(table, "events"), tuple(notes))  # type: ignore[arg-type]


_WRITERS: Final[dict[type, Callable[[Any], dict[str, Any]]]] = {
    Head: _write_head,
    Turned: _write_turned,
    Played: _write_played,
    Note: _write_note,
    Loaded: lambda record: {"model": record.name, "folder": record.folder, "sha256": record.sha256},
    Gap: lambda record: {"gap": record.n_calls},
    Kept: _write_kept,
    End: _write_end,
}
_READERS: Final[dict[str, Callable[[dict[str, Any]], Record]]] = {
    "call": _turned,
    "frame": _played,
    "note": lambda table: Note(_text_at(table, "note"), _int_at(table, "count"), _int_at(table, "ns")),
    "model": lambda table: Loaded(*(_text_at(table, key) for key in ("model", "folder", "sha256"))),
    "gap": lambda table: Gap(_int_at(table, "gap")),
    "capture": _kept,
    "end": _end,
}


def _int_at(
    table: dict[str, Any], key: str, lowest: int = 0, highest: int = 1 << 62, default: int | None = None
) -> int:
    value = table.get(key, default)
    if type(value) is not int or not lowest <= value <= highest:
        raise ValueError(f"{key} cannot be {_shown(value)}: allowed is a whole number from {lowest} to {highest}")
    return value


def _text_at(table: dict[str, Any], key: str) -> str:
    value = table.get(key)
    if type(value) is not str:
        raise ValueError(f"{key} cannot be {_shown(value)}: allowed is text")
    return value


def _table_at(table: dict[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key)
    if not isinstance(value, dict):
        raise ValueError(f"{key} cannot be {_shown(value)}: allowed is an object")
    return value


def _texts_at(table: dict[str, Any], key: str, *needed: str) -> dict[str, str]:
    texts = _table_at(table, key)
    for name in {*texts, *needed}:
        if type(texts.get(name)) is not str:
            raise ValueError(f"{key}: {name[:40]} cannot be {_shown(texts.get(name))}: allowed is text")
    return texts


def _list_at(table: dict[str, Any], key: str, longest: int) -> list[Any]:
    value = table.get(key, [])
    if not isinstance(value, list) or len(value) > longest:
        raise ValueError(f"{key} is no list of up to {longest} values")
    return value


def _reals_at(table: dict[str, Any], key: str, length: int) -> list[float]:
    """Return a list of `length` finite numbers, or an empty list if there is none."""
    reals = _list_at(table, key, length)
    if (reals and len(reals) != length) or not all(
        type(real) in (int, float) and math.isfinite(real) for real in reals
    ):
        raise ValueError(f"{key} is no list of {length} finite numbers")
    return [float(real) for real in reals]


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:40] + "..."
