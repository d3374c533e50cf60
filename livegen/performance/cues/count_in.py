"""The count-in: beats that are clicked before the model begins to play on a bar line."""

from dataclasses import dataclass, replace

from livegen.performance.cues.cue import Mark
from livegen.performance.cues.placing import next_bar
from livegen.performance.tempo import Tempo


@dataclass(frozen=True, slots=True)
class CountIn:
    """Beats that are counted, and what follows them.

    Attributes
    ----------
    n_beats : int
    until : Mark
        Where the music begins.
    """

    n_beats: int
    until: Mark

    @property
    def beats(self) -> tuple[int, int]:
        """The beats that are counted: the number of the first, and that of the beat on which the music begins."""
        until = round(self.until.beats)
        return until - self.n_beats, until

    def followed(self, tempo: Tempo, horizon: int) -> "CountIn":
        """Return the count-in where the tempo now has it."""
        return replace(self, until=self.until.followed(tempo, horizon))

    def recounted(self, jump: float, beats_a_bar: int, horizon: int) -> "CountIn":
        """Return the count-in after the count of beats has leapt: the music begins on the nearest bar line."""
        beats = round((self.until.beats + jump) / beats_a_bar) * beats_a_bar
        return replace(self, until=self.until.moved(beats - self.until.beats, horizon))


def counted_in(n_beats: int, tempo: Tempo, horizon: int, beats_a_bar: int) -> tuple[CountIn, Tempo]:
    """Return a count-in that was asked for now, and the tempo that counts.

    Where the beat is the session's own, set, tapped or the performer's, counting begins at once, and bar 1 after it. A
    MIDI clock and Link say themselves where bars are: counting begins so that it ends on one of theirs.
    """
    if tempo.is_outer:
        until = next_bar(tempo, horizon, beats_a_bar, after_beats=n_beats)
    else:
        tempo, until = tempo.counted_from(horizon + 1, float(-n_beats)), 0.0
    return CountIn(n_beats, Mark.at(until, tempo, horizon)), tempo
