"""Who is told what comes of the controls: OSC's listeners, the stage page."""

from typing import Protocol

from livegen.controls import Value


class Audience(Protocol):
    """Hears of controls and news on the session's threads; never blocks, never raises."""

    def announce(self, name: str, value: Value) -> None:
        """Tell that a control is in force, by its full name."""

    def refuse(self, name: str, reason: str) -> None:
        """Tell why something that was asked for was not done, in one sentence."""

    def tell_news(self, sentence: str) -> None:
        """Tell what the performer reads on the status line."""
