"""What goes between a session, the server and the pages: JSON texts, one message each, told apart by ``type``.

From the session, by way of the server, to every page:

========== =========================================================================================================
hello      ``session`` (a word that changes with every session), ``version``, ``frame_rate``, ``sample_rate``,
           ``patches`` and ``models`` (names), ``osc`` (host and port, where OSC listens); the server adds ``table``, a
           row for each control
values     ``values``: controls in force by full name, all of them after a hello and then those that changed
plan       ``now`` (the frame that is heard as this leaves, a real number), ``horizon`` (the first frame that may still
           change), ``frames``: each new one or planned anew, as a list of its index, and by voice its notes, volumes,
           timbres, owners (0 model, 1 player, 2 off), onset offsets in frames, how long a match of the motif memory it
           follows in onsets (0 for none), then where it begins in beats since bar 1, beat 1, or null. After a hello
           come the frames of the last ten seconds, in several messages
keys       ``keys``: the keys that are held, as MIDI notes, whoever holds them
knobs      ``knobs``: by control, the knob that sets it, as a musician reads it ("CC 21 on channel 1")
gauges     ten times a second: ``seconds`` played, ``is_running``, ``levels`` (of the voices, 0..1) and ``mix``,
           ``frames_in_hand``, ``late_frames``, ``underflows``, ``key_to_sound_ms``, ``block_samples``, ``sound`` (the
           device), ``sound_ms`` (from a sample's making to its sound there), ``tempo`` (null, or ``bpm``, ``source``,
           ``is_lost``, ``bar``, ``beat``, ``peers``), ``midi_in`` and ``midi_out`` (names of ports), ``take`` (null, or
           ``folder`` and ``seconds``), ``patch``, ``model``, ``memories`` (names), ``learning`` (null, or the control
           that waits for a knob), ``troubles`` (sentences)
news       ``sentence``: what the performer reads on the status line
refused    ``name``, ``reason``: a control that came to nothing
ended      the session has ended; the server passes this on and leaves
lost       the session does not answer the server any more
========== =========================================================================================================

and binary messages: sound, a little-endian uint32 with the number of its first sample (modulo 2**32), then int16
samples, one channel. On the pipe a byte 0 stands before them, as no text begins.

From a page to the server, and from there to the session with the ``source`` added:

========== =========================================================================================================
set        ``name``, ``value``: a control
midi       ``data``: the bytes of a MIDI message, from the keys of the page or from Web MIDI
listen     ``on``: whether the page wants the sound
ping       ``t``: comes back at once from the server as ``pong`` with the same ``t``
lost       never sent by a page: it is gone, and lets go of its keys
========== =========================================================================================================

From an OSCQuery client, by way of the server, with the ``source`` added:

========== =========================================================================================================
together   ``events`` that take effect together, each a list of a control and its value or of the bytes of a MIDI
           message, and ``tag``, OSC's time tag at which they do
========== =========================================================================================================

From the server itself to the session:

========== =========================================================================================================
alive      ``pages`` that are open, ``refused`` (connections and messages so far), ``faults`` (errors of the server
           itself) and ``troubles`` (sentences, such as that it cannot be announced): as soon as connections are taken,
           twice a second from then on, and at once when ``pages`` changes. A server that falls silent after that is
           ended, and started again on the same port. When a page is added the session sends all but the hello and the
           values anew; while there is none it sends hello, values, news and refused alone
failed     ``reason``: what ended the server, in one sentence
========== =========================================================================================================

The server's process holds the other end of the pipe and the socket that listens. It leaves when the pipe ends.
"""

import json
import struct
from typing import Any, Final

MAX_MESSAGE_BYTES: Final = 4096
"""The longest message that a page may send."""

MAX_ASKED_BYTES: Final = 1 << 15
"""The longest message that the server hands on to the session."""


def encode(kind: str, **fields: Any) -> bytes:
    """Return a message as it goes over the pipe and to the pages."""
    return json.dumps({"type": kind, **fields}, separators=(",", ":"), allow_nan=False).encode()


SOUND_MARK: Final = b"\0"
"""What a sound message begins with on the pipe, and nowhere else; a server sends on what comes after it."""


def encode_sound(first_sample: int, samples: bytes) -> bytes:
    """Return a sound message as it goes over the pipe: `samples` are int16, little-endian, one channel."""
    return SOUND_MARK + struct.pack("<I", first_sample & 0xFFFFFFFF) + samples
