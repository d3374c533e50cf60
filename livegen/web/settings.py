"""How the stage page is served: what the command line says and the server's process is started with."""

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
        Address that it is bound to.
    port : int
    token : str
        What another machine must show, as ``?token=`` of the page's address; empty where none can connect.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    token: str = ""
