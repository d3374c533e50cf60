"""A controller whose lights are those of a session, on a clock that moves when it is told to.

What it sends sets controls at once, as on the audio side. It may send back what it is sent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from livegen.controls import DEFAULTS, Value, Values, with_value
from livegen.errors import PortError
from livegen.events import Event, SetControl, SourceLost
from livegen.inputs.midi import Decoder, event_of
from livegen.inputs.midi_settings import parse_settings, wirings
from livegen.performance.cues.count_in import CountIn
from livegen.performance.cues.cue import Cues
from livegen.profiles.profile import Profile
from livegen.profiles.reader import load_profile
from livegen.rig import Knob
from livegen.session.feedback.feedback import Feedback
from livegen.session.knob import Place
from livegen.session.mapping import ControllerMap
from livegen.system.midi_echo import EchoFilter

SOURCE = "midi:pads:out"
TICK_SECONDS = 0.01


@dataclass(frozen=True)
class Band:
    """What lights look at of a performance's state."""

    cues: Cues = field(default_factory=Cues)
    count_in: CountIn | None = None
    is_running: bool = True


class LitController:
    """The controller, the knobs of a session, and the lights in between.

    Parameters
    ----------
    knobs : Knob
    profile : str or Profile
    echo_seconds : callable, optional
        Returns after how long the next message comes back; None where nothing does.
    asked : str
        What ``--midi-in`` says of it.

    Attributes
    ----------
    sent : list of bytes
        All that the device was sent.
    heard : list of Event
        What was taken for the performer's.
    fired : list of SetControl
        What that has set.
    echo : EchoFilter
        The one that all inputs ask.
    """

    name = "pads:in"

    def __init__(
        self,
        *knobs: Knob,
        profile: str | Profile = "generic",
        echo_seconds: Callable[[], float] | None = None,
        asked: str = "pads,feedback=on",
    ) -> None:
        self.map = ControllerMap(knobs)
        self.values: Values = DEFAULTS
        self.band = Band()
        self.now = 100.0
        self.sent: list[bytes] = []
        self.heard: list[Event] = []
        self.fired: list[SetControl] = []
        self.is_there = True
        self.n_xruns = 0
        self._echo_seconds = echo_seconds
        self._coming: list[tuple[float, bytes]] = []
        self.echo = EchoFilter()
        self._decoder = Decoder()
        (self.wiring,) = wirings([parse_settings(asked)])
        self.feedback = Feedback(
            self,
            lambda: SOURCE,
            self.wiring,
            load_profile(profile) if isinstance(profile, str) else profile,
            knobs=lambda: self.map,
            values=lambda: self.values,
            state=lambda: self.band,
            place=self._place,
            echo=self.echo,
            now_seconds=lambda: self.now,
        )

    # The device's input port, as Feedback knows it.

    def send(self, message: list[int]) -> None:
        """Take a message, and perhaps send it back; messages do not overtake each other."""
        if not self.is_there:
            raise PortError("it is gone")
        self.sent.append(bytes(message))
        if self._echo_seconds is not None and message[0] < 0xF0:
            last = self._coming[-1][0] if self._coming else 0.0
            self._coming.append((max(self.now + self._echo_seconds(), last), bytes(message)))

    def check(self) -> bool:
        """Tell whether it is plugged in."""
        return self.is_there

    def close(self) -> None:
        """Do nothing."""

    # The performer, and whoever else sets controls.

    def move(self, *message: int) -> None:
        """Move a knob or press a pad."""
        self._hear(bytes(message))

    def set(self, name: str, value: Value) -> None:
        """Set a control from elsewhere, as by OSC."""
        self.values = with_value(self.values, name, value)

    def learn(self, name: str, *message: int) -> None:
        """Learn a knob."""
        self.map = self.map.hear(SetControl("learn", name), "terminal", self.values)[0]
        self.move(*message)

    def unlearn(self, name: str) -> None:
        """Unlearn one."""
        self.map = self.map.hear(SetControl("unlearn", name), "terminal", self.values)[0]

    def lose(self) -> None:
        """Pull it."""
        self.is_there = False
        self.map = self.map.hear(SourceLost(), SOURCE, self.values, self.wiring)[0]

    def loop(self, echo_seconds: float) -> None:
        """Send back, from now on, all that it is sent."""
        self._echo_seconds = lambda: echo_seconds

    def wait(self, seconds: float = TICK_SECONDS) -> list[bytes]:
        """Let time pass, and return what the device was sent meanwhile."""
        n_before = len(self.sent)
        for _ in range(max(round(seconds / TICK_SECONDS), 1)):
            self.feedback.look()
            self.now += TICK_SECONDS
            while self._coming and self._coming[0][0] <= self.now:
                self._hear(self._coming.pop(0)[1])
        return self.sent[n_before:]

    def _place(self, positions: Mapping[Place, float]) -> None:
        self.map = self.map.place(positions)

    def _hear(self, message: bytes) -> None:
        is_echo = self.echo.is_echo(message, self.now)
        is_late_echo = self.feedback.is_echo(message, SOURCE, self.now)
        if is_echo or is_late_echo:
            return
        for decoded in self._decoder.decode(message):
            event = event_of(decoded)
            assert event is not None
            self.heard.append(event)
            self.map, events = self.map.hear(event, SOURCE, self.values, self.wiring, self.now)
            for each in events:
                if isinstance(each, SetControl):
                    self.fired.append(each)
                    self.values = with_value(self.values, each.name, each.value)
