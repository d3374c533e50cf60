"""The settings of a service, as the command line gives them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may ask for.

    Attributes
    ----------
    jobs : int
        Jobs of a client that are queued or running.
    rate : float
        Requests a second that change something, over time; for a moment twenty times as many.
    streams : int
        Streams of all clients that play at once.
    """

    jobs: int
    rate: float
    streams: int


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How a service listens, and what it allows.

    Attributes
    ----------
    host : str
        Address to which it is bound.
    port : int
    token : str
        What another machine must show; empty if no other machine can connect.
    keep_seconds : float
        How long a result is kept that nobody fetches.
    limits : Limits
    """

    host: str
    port: int
    token: str
    keep_seconds: float
    limits: Limits
