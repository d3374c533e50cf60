"""The waveforms of the voices, as the fields of a message that JSON can hold."""

from typing import Any, Final

from livegen.session.session import Session
from livegen.units import FRAME_RATE_HZ

_DIGITS: Final = bytes.maketrans(bytes(range(16)), b"0123456789abcdef")


def waves(session: Session) -> dict[str, Any]:
    """Return the fields of a ``waves`` message, which `livegen.web.wire` lists. One thread may call this."""
    sample, waveforms = session.scope.read()
    return {
        "at": round(sample * FRAME_RATE_HZ / session.clock.sample_rate, 3),
        "voices": [
            [round(1e6 * wave.step_seconds, 3), round(wave.gain, 3), wave.levels.tobytes().translate(_DIGITS).decode()]
            for wave in waveforms
        ],
    }
