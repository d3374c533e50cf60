"""The messages between a session, the server and the pages: JSON texts, one for each message, with a ``type``.

From the session, through the server, to every page of a performer:

========== =========================================================================================================
hello      ``session`` (a word that changes with every session), ``name`` (of its rig, or empty), ``version``,
           ``frame_rate``, ``sample_rate``,
           ``patches`` and ``models`` (names), ``osc`` (host and port, where OSC listens); the server adds ``table``, a
           row for each control
values     ``values``: controls in force by full name, all of them after a hello and then those that changed
plan       ``now`` (the frame that is heard when this is sent, with its fraction), ``horizon`` (the first frame that
           may still change), ``frames``: each that is new or planned again, as a list. It holds the frame's index; by
           voice its notes, volumes, timbres, owners (0 model, 1 player, 2 off), onset offsets in frames, and lengths in
           onsets of the match of the motif memory that is followed (0 for none); and its beginning in beats from bar 1,
           beat 1, or null. After a hello come the frames of the last ten seconds, in several messages
keys       ``keys``: the keys that are held, as MIDI notes, whoever holds them
knobs      ``knobs``: by control, the knob that sets it, as words for a musician ("CC 21 on channel 1")
songs      ``songs``: their names, in order, none without a set-list; ``current``, the index of the one that plays; and
           ``wanted``, that of the one which was asked for and has not begun yet, or null
gauges     ten times a second: ``seconds`` played, ``song_seconds`` since the song began, ``is_running``, ``levels`` (of
           the voices, 0..1) and ``mix``, ``frames_in_hand``, ``late_frames``, ``underflows``, ``key_to_sound_ms``,
           ``block_samples``, ``sound`` (the device), ``sound_ms`` (from making a sample until it sounds there),
           ``tempo`` (null, or ``bpm``, ``source``, ``is_lost``, ``bar``, ``beat``, ``peers``), ``midi_in`` and
           ``midi_out`` (ports), ``take`` (null, or ``folder`` and ``seconds``), ``patch``, ``model``, ``cast`` (by
           voice, a model that plays it alone), ``engines`` (by kind of the models in force: ``voices`` that they play,
           ``latents``, which are the names of the controls z1 and so on, and ``stored``, the names of its pads that
           hold something), ``memories`` (names), ``learning`` (null, or the control that waits for a knob) and
           ``learning_press`` (of a switch, for which it waits: single, double or long), ``cues`` (in force or planned,
           each with ``name``, ``voice`` of a solo, and the frames ``begin``, ``strike`` of an ending's last note, and
           ``until``, null for what is not set), ``count_in`` (null, or how many beats are left to be counted),
           ``foretold`` (the chords that a model leads by, the first now, as ``tonnetz.chord`` has them), ``lacks``
           (names of voices that the models do not have), ``troubles`` (sentences)
news       ``sentence``: what the performer reads on the status line
refused    ``name``, ``reason``: a control that could not be set, and why
plans      when the server asks for them, and for no page: the fields of `livegen.web.plans`
ended      the session has ended; the server passes this on and leaves
lost       the session does not answer the server any more
========== =========================================================================================================

and binary messages with sound: a little-endian uint32 with the number of its first sample (modulo 2**32), then int16
samples of one channel. On the pipe, a byte 0 comes before such a message, because no text begins with it.

A show, the page of an audience, gets of these ``hello`` without what belongs to the rig, of ``values`` the mutes,
the look-ahead and the beats of a bar, of ``songs`` the one that plays, ``plan``, ``lost`` and ``ended``; and it alone
gets

========== =========================================================================================================
waves      fifty times a second: ``at`` (where in the score they sound, in frames) and ``voices``: of each, as a list,
           how long a step lasts in microseconds, its gain in the mix, and the levels of its steps as hexadecimal
           digits: a period of a pulse (8) or of the triangle (32), the next 256 of the noise, none while it is silent.
           They are what the chip puts out, before the mixer
========== =========================================================================================================

All that a show may send is ``ping``, which the server itself answers.

From a page to the server, which adds the ``source`` and sends it on to the session:

========== =========================================================================================================
set        ``name``, ``value``: a control
midi       ``data``: the bytes of a MIDI message, from the keys of the page or from Web MIDI
listen     ``on``: whether the page wants the sound
ping       ``t``: the server answers at once with ``pong`` and the same ``t``
lost       never sent by a page: the server says that a page is gone, and its keys are released
========== =========================================================================================================

From an OSCQuery client, by way of the server, with the ``source`` added:

========== =========================================================================================================
together   ``events`` that take effect together, each a list of a control and its value or of the bytes of a MIDI
           message, and ``tag``, OSC's time tag at which they do
========== =========================================================================================================

From the server itself to the session:

========== =========================================================================================================
alive      ``pages`` (how many are open), ``shows`` (how many of them are shows), ``refused`` (connections and messages
           so far), ``drops`` (how many of those came by OSC, by kind), ``faults`` (errors of the server itself) and
           ``troubles`` (sentences, such as that it cannot be announced). Sent when connections are first taken, from
           then on twice a second, and at once when ``pages`` changes. A server that falls silent after that is ended
           and started again on the same port. When a page is added, the session sends everything again except the hello
           and the values. While no page is open it sends only hello, values, news and refused
plans      somebody asks for the last plans, at `PLANS_PATH`
failed     ``reason``: what ended the server, in one sentence
========== =========================================================================================================

The server's process holds the other end of the pipe and the socket that listens. It leaves when the pipe ends.
"""

import json
import struct
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

MAX_MESSAGE_BYTES: Final = 4096
"""Size of the longest message that a page may send."""

MAX_ASKED_BYTES: Final = 1 << 15
"""The longest message that the server hands on to the session."""


def encode(kind: str, **fields: Any) -> bytes:
    """Return a message in the form in which it goes over the pipe and to the pages."""
    return json.dumps({"type": kind, **fields}, separators=(",", ":"), allow_nan=False).encode()


SOUND_MARK: Final = b"\0"
"""First byte of a sound message, on the pipe only. The server sends on what comes after it."""


def encode_sound(first_sample: int, samples: bytes) -> bytes:
    """Return a sound message in the form in which it goes over the pipe.

    `samples` are int16, little-endian, of one channel.
    """
    return SOUND_MARK + struct.pack("<I", first_sample & 0xFFFFFFFF) + samples


PLANS_PATH: Final = "/plans"
"""Where the server is asked for the last plans, over HTTP."""


def unpack_plans(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the server answers of a ``plans`` message: with ``plans``, a list of rows, in place of ``packed``."""
    row = struct.Struct(f"<{len(told['columns'])}q")
    rows = [list(each) for each in row.iter_unpack(b64decode(told["packed"]))]
    return {**{name: field for name, field in told.items() if name not in ("type", "packed")}, "plans": rows}
