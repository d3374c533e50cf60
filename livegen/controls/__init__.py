"""The one table of live controls.

OSC addresses, MIDI mapping, ``--set``, patch keys, the take log and every page that shows controls are derived
from it. A control of scope ``voice`` exists once for each voice: ``role`` stands for ``p1.role``, ``p2.role`` etc. Read
`table` first.
"""

from livegen.controls.control import Control, Value, Values
from livegen.controls.exact import allowed, exact_value
from livegen.controls.parse import MAX_NAME_LENGTH, PRESSES, Press, parse_value
from livegen.controls.table import (
    ADDRESSES,
    BACKINGS,
    CHORDS,
    CONTROLS,
    DEFAULTS,
    KEYS,
    MODEL_CONTROLS,
    MODES,
    OSC_PREFIX,
    ROLES,
    SAME,
    SCALES,
    SYNCS,
    TABLE,
    TRIADS,
    VOICE_PREFIX,
    WHENS,
    osc_address,
    with_value,
)

__all__ = [
    "ADDRESSES",
    "BACKINGS",
    "CHORDS",
    "CONTROLS",
    "DEFAULTS",
    "KEYS",
    "MAX_NAME_LENGTH",
    "MODEL_CONTROLS",
    "MODES",
    "OSC_PREFIX",
    "PRESSES",
    "ROLES",
    "SAME",
    "SCALES",
    "SYNCS",
    "TABLE",
    "TRIADS",
    "VOICE_PREFIX",
    "WHENS",
    "Control",
    "Press",
    "Value",
    "Values",
    "allowed",
    "exact_value",
    "osc_address",
    "parse_value",
    "with_value",
]
