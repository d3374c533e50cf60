"""A service on a free port, in this process: a thread serves, and another one plays the jobs."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from livegen_process import START_SECONDS
from serve_parts import put_on_shelf
from served import LIMITS, Limits
from waiting import wait_until

from livegen.serve.http.server import server_of
from livegen.serve.http.service import Service
from livegen.serve.http.settings import ServeSettings
from livegen.serve.place import Place
from livegen.serve.work.band import Band
from livegen.serve.work.worker import perform

NO_STREAMS = Limits(jobs=LIMITS.jobs, rate=LIMITS.rate, streams=0)


class Live:
    """The service, and where it is."""

    def __init__(self, service: Service, url: str) -> None:
        self.service = service
        self.url = url

    def client(self) -> httpx.Client:
        """Return a client as patient as the machine may be busy."""
        return httpx.Client(base_url=self.url, timeout=START_SECONDS, trust_env=False)


@contextmanager
def live_service(folder: Path, model: Path, limits: Limits = NO_STREAMS) -> Iterator[Live]:
    """Yield a service whose one model is called tiny, with a worker; all ends with the body, whatever happens."""
    tiny = put_on_shelf(folder / "models", model, "tiny")
    place = Place(folder, ())
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    service = Service(place, ServeSettings("127.0.0.1", port, "", 86_400.0, limits), 0)
    server, band, is_over = server_of(service), Band(service.shelf), threading.Event()
    band.warm(tiny.name, tiny.hash)  # compiled here, it is quick in other processes

    def work() -> None:
        service.jobs.work("w", None, lambda attempt: perform(service.jobs, band, attempt), is_over.is_set)

    threads = [threading.Thread(target=server.run, args=([listener],)), threading.Thread(target=work)]
    for thread in threads:
        thread.start()
    try:
        assert wait_until(lambda: server.started, START_SECONDS)
        yield Live(service, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        is_over.set()
        for thread in threads:
            thread.join()
        listener.close()
