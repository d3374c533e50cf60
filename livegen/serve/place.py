"""Where a service keeps its queue and its models, as a value that is handed to its processes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livegen.serve.jobs.embedded import EmbeddedJobs
from livegen.serve.jobs.port import Jobs
from livegen.serve.shelf.shelf import Shelf
from livegen.system.resources import user_data_folder

_FOLDER: Final = "serve"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the queue and the models are.

    Attributes
    ----------
    folder : Path
        Of the embedded queue, of models, and of files that are made of results.
    own : tuple of str or None
        Names of those of livegen's own models that it has; None for all.
    queue : str or None
        Address of the Redis server whose queue it is; None for the embedded one.
    """

    folder: Path
    own: tuple[str, ...] | None = None
    queue: str | None = None

    def open_jobs(self) -> Jobs:
        """Return the queue; raises QueueError if it cannot be used."""
        if self.queue is None:
            return EmbeddedJobs(self.folder)
        from livegen.serve.jobs.rq import RqJobs  # with Redis's client, which nobody else waits for

        return RqJobs(self.queue)

    def open_shelf(self) -> Shelf:
        """Return the models; raises LivegenError if they cannot be read."""
        models = self.folder / "models"
        if self.queue is None:
            return Shelf(models, self.own)
        from livegen.serve.shelf.shared import SharedShelf

        return SharedShelf(models, self.own, self.queue)


def usual_folder() -> Path:
    """Return the folder of a service that is told none."""
    return user_data_folder() / _FOLDER


def parse_names(text: str | None) -> tuple[str, ...] | None:
    """Return the names of ``default,vae``; None if there is no text."""
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())
