"""What a session tells the Link session of its own beat."""

from typing import Final

from livegen.inputs.link import OwnBeat
from livegen.performance.tempo import Tempo
from livegen.units import period_to_bpm

SOURCE: Final = "link"
"""Of the events that tell Link's beat."""


def own_beat(tempo: Tempo, frame: float, beats_a_bar: int) -> OwnBeat:
    """Return the beat at a time in frames, as Link is to know it.

    Link is told of the beat as its source has it, without the offset: so it stays where it is when Link becomes the
    source.
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
