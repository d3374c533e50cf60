"""The audience of a session: who is told which controls took effect, such as OSC's listeners and the stage page."""

from collections.abc import Collection
from typing import Protocol

from livegen.controls import Value


class Audience(Protocol):
    """Is told of controls and news, on the session's threads; its methods never block and never raise."""

    def announce(self, name: str, value: Value) -> None:
        """Tell that a control is in force, by its full name."""

    def refuse(self, name: str, reason: str) -> None:
        """Tell in one sentence why a request was not carried out."""

    def tell_news(self, sentence: str, about: Collection[str] = ()) -> None:
        """Tell a sentence that the performer reads on the status line, also to whoever has set a control of these."""
