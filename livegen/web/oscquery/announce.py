"""Zeroconf: announces livegen to programs that look for OSCQuery (``_oscjson._tcp``) or OSC (``_osc._udp``).

Each service is announced only on the network interfaces on which it can be reached: if it listens on 127.0.0.1, only
on this machine.
"""

import asyncio
import contextlib
import logging
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from livegen.web.server.door import is_everywhere, is_loopback

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncZeroconf

OSCQUERY: Final = "_oscjson._tcp.local."
OSC: Final = "_osc._udp.local."

_MOST_NAME: Final = 40  # bytes of the machine's name that are used; the whole name may have 63


@dataclass(frozen=True, slots=True)
class Service:
    """Something that can be reached.

    Attributes
    ----------
    kind : str
        `OSCQUERY` or `OSC`.
    host : str
        Address that it listens on.
    port : int
    """

    kind: str
    host: str
    port: int


def service_name(port: int) -> str:
    """Return livegen's name on the network. The machine's name and the web port make it unique."""
    machine = "".join(letter for letter in socket.gethostname().split(".")[0] if letter.isalnum() or letter == "-")
    return f"livegen {machine[:_MOST_NAME] or 'here'} {port}"


def reachable_at(host: str) -> list[str]:
    """Return the addresses at which something that listens on `host` is reached; for 0.0.0.0, all of this machine.

    Loopback is among them only if there is no other address.
    """
    import ifaddr

    if not is_everywhere(host):
        return [host]
    found = sorted({str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4})
    return [address for address in found if not is_loopback(address)] or found


class Announcement:
    """The services that are announced now. All methods run on the server's event loop.

    Parameters
    ----------
    name : str
        See `service_name`.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._services: tuple[Service, ...] = ()
        self._responders: list[AsyncZeroconf] = []
        self._telling = asyncio.Lock()

    async def tell(self, *services: Service) -> str | None:
        """Announce these services and no others. Return None, or a sentence for the performer if that fails."""
        async with self._telling:
            if services == self._services:
                return None
            await self._withdraw()
            try:
                for service in services:
                    await self._announce(service)
            except Exception as error:  # zeroconf raises many kinds, from no multicast to a name that is taken
                await self._withdraw()
                return (
                    f"programs cannot find livegen by themselves ({error or type(error).__name__}): tell them its "
                    f"address, port {services[0].port}"
                )
            self._services = services
            return None

    async def withdraw(self) -> None:
        """Announce that none of the services can be reached any more."""
        async with self._telling:
            await self._withdraw()

    async def _announce(self, service: Service) -> None:
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # else it prints what the network refuses
        addresses = reachable_at(service.host)
        responder = AsyncZeroconf(interfaces=addresses)
        self._responders.append(responder)
        info = AsyncServiceInfo(
            service.kind,
            f"{self._name}.{service.kind}",
            parsed_addresses=addresses,
            port=service.port,
            properties={"txtvers": "1"},
            server=f"{self._name.replace(' ', '-')}.local.",
        )
        await responder.async_register_service(info, allow_name_change=True)

    async def _withdraw(self) -> None:
        responders, self._responders, self._services = self._responders, [], ()
        for closing in [asyncio.ensure_future(responder.async_close()) for responder in responders]:
            with contextlib.suppress(Exception):
                await closing
