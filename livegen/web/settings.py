"""The settings of the stage page's server. The command line gives them, and the server's process gets them."""

from dataclasses import dataclass
from typing import Final

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 9125


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How the server listens.

    Attributes
    ----------
    host : str
        Address to which it is bound.
    port : int
    token : str
        What another machine must show, as ``?token=`` in the page's address; empty if no other machine can connect.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    token: str = ""
