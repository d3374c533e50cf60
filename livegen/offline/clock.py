"""The offline clock: it converts times, but time does not pass on it, so nothing ever waits."""

from livegen.units import FRAME_RATE_HZ


class OfflineClock:
    """A clock on which time does not pass by itself; time 0 is sample 0.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate

    def sample_at(self, time_ns: int) -> int:
        """Return the sample at a time in nanoseconds."""
        return time_ns * self.sample_rate // 1_000_000_000

    def position_at(self, time_ns: int) -> float:
        """Return a time in nanoseconds as frames since the start."""
        return self.sample_at(time_ns) * FRAME_RATE_HZ / self.sample_rate
