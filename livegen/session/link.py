"""The session's own beat, as it is told to the Link session."""

from typing import Final

from livegen.inputs.link import OwnBeat
from livegen.performance.tempo import Tempo
from livegen.units import period_to_bpm

SOURCE: Final = "link"
"""Source of the events that tell Link's beat."""


def own_beat(tempo: Tempo, frame: float, beats_a_bar: int) -> OwnBeat:
    """Return the beat at a time in frames, as it is told to Link.

    Link is told the beat as its source gives it, without the control ``phase_offset``. So the beat does not move when
    Link becomes the source.
    """
    is_known = tempo.source not in ("none", "link")
    by_hand = tempo.by_hand
    return OwnBeat(
        beats_a_bar=beats_a_bar,
        beats=tempo.beats_at(frame + tempo.offset_frames) if is_known else None,
        bpm=tempo.bpm,
        by_hand_bpm=None if by_hand is None else period_to_bpm(by_hand.period_frames),
        by_hand_at=tempo.hand_at,
        is_links=tempo.source == "link",
    )
