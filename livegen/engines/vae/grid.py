"""Where frames fall on the steps of the beat, and where windows begin. Values, no state of their own.

A frame plays the step that is in force at its middle. At 120 beats a minute a step is a frame; where music is slower a
frame may go on with the step before, and where it is faster it may cover two.
"""

from dataclasses import dataclass

from livegen.beat import Beat
from livegen.engines.steps import BEATS, ROUNDING, STEPS_A_BEAT


@dataclass(frozen=True, slots=True)
class Grid:
    """Where a song is.

    Attributes
    ----------
    place : int
        The step of the window, 0..95, that the last frame played; -1 before the first.
    window : int
        Number of the window, from 0.
    """

    place: int = -1
    window: int = 0

    def after(self, beat: Beat | None, bar: Beat | None) -> tuple["Grid", int]:
        """Return where the next frame is, and how many steps it has gone on.

        Parameters
        ----------
        beat, bar : Beat or None
            With their phases in the last frame.

        Notes
        -----
        Where nobody knows the beat, each frame is a step. A beat that falls back is waited for, and one that leaps is
        followed; a leap of over half a beat ahead is taken for one back. A window is eight beats; where the bar is
        known it is as many whole bars as eight beats hold, and it begins anew with the bar where it does not lie on
        one.
        """
        if beat is None:
            return self._on(self.place + 1, None)
        middle = beat.after(1).phase + 0.5 / beat.period_frames
        step = int(middle * STEPS_A_BEAT + ROUNDING) % STEPS_A_BEAT
        if self.place < 0:
            return Grid(step, self.window), 1
        gone = (step - self.place + STEPS_A_BEAT // 2) % STEPS_A_BEAT - STEPS_A_BEAT // 2
        if gone <= 0:
            return self, 0
        return self._on(self.place + gone, _beat_in_bar(beat, bar))

    def _on(self, place: int, in_bar: tuple[int, int] | None) -> tuple["Grid", int]:
        gone = place - self.place
        beat, step = divmod(place, STEPS_A_BEAT)
        if self.place < 0 or beat == self.place // STEPS_A_BEAT:
            return Grid(place, self.window), gone
        is_over = beat >= BEATS
        if in_bar is not None:
            at, n_beats = in_bar
            is_over |= at == 0 and (beat % n_beats != 0 or beat >= BEATS // n_beats * n_beats)
        return (Grid(step, self.window + 1) if is_over else Grid(place, self.window)), gone


def _beat_in_bar(beat: Beat, bar: Beat | None) -> tuple[int, int] | None:
    """Return the beat of the bar in which the next frame is, and how many beats the bar has; None if not 2 to 8."""
    if bar is None:
        return None
    n_beats = round(bar.period_frames / beat.period_frames)
    if not 2 <= n_beats <= BEATS:
        return None
    middle = bar.after(1).phase + 0.5 / bar.period_frames
    return int(middle * n_beats) % n_beats, n_beats
