"""Who may use which Redis server: whoever can write to a queue decides what workers do, so it must be a closed one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from livegen.errors import QueueError
from livegen.web.server.door import is_loopback

_SECONDS: Final = 5.0

PASSWORD: Final = "LIVEGEN_QUEUE_PASSWORD"
"""The variable of the environment from which a password is taken that is not in the address."""


def connect(url: str) -> redis.Redis:
    """Return a client of a Redis server; it connects when it is first used.

    Parameters
    ----------
    url : str
        ``redis://host:6379/0``, ``rediss://`` with TLS, or ``unix://``, with a password or without.

    Raises
    ------
    QueueError
        If it is no such address, or leads to another machine without a password and TLS.
    """
    try:
        parts = urlsplit(url)
        password = parts.password or os.environ.get(PASSWORD) or None
        is_here = parts.scheme == "unix" or parts.hostname == "localhost" or is_loopback(parts.hostname or "")
        if parts.scheme not in ("redis", "rediss", "unix") or not (parts.hostname or parts.scheme == "unix"):
            raise ValueError
    except ValueError:
        raise QueueError(f"{_shown(url)} is no Redis server: write redis://localhost:6379") from None
    if not is_here and (parts.scheme != "rediss" or password is None):
        raise QueueError(
            f"{_shown(url)} is another machine, and whoever can write to a queue decides what workers do: give Redis "
            f"TLS and a password, and write rediss:// with {PASSWORD} in the environment"
        )
    given = {"password": password} if password is not None else {}
    once_more = Retry(NoBackoff(), 1)  # for a connection that was closed since; longer waits are the callers' own
    return redis.Redis.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=once_more, **given)


@contextmanager
def there() -> Iterator[None]:
    """Raise QueueError where the body finds that Redis is not there."""
    try:
        yield
    except redis.RedisError as error:
        raise QueueError("the queue's Redis server does not answer: try again in some seconds") from error


def _shown(url: str) -> str:
    """Return an address without its password."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"[:100]
