"""What is answered, as the OpenAPI document describes it."""

from pydantic import BaseModel, Field

from livegen.serve.jobs.port import Job, State
from livegen.serve.kinds import Kind
from livegen.serve.shelf.shelf import Model


class ModelAnswer(BaseModel):
    """A model."""

    name: str
    kind: str = Field(description="which engine plays it")
    about: str
    voices: list[str]
    hash: str = Field(description="SHA-256 of its files")
    bytes: int = Field(description="size of its weights")
    is_own: bool = Field(description="whether livegen ships it; such a model stays")
    workers: int = Field(description="processes of this machine that take this model alone")

    @classmethod
    def of(cls, model: Model, n_workers: int) -> "ModelAnswer":
        """Return the answer about a model."""
        return cls(
            name=model.name,
            kind=model.kind,
            about=model.about,
            voices=list(model.voices),
            hash=model.hash,
            bytes=model.n_bytes,
            is_own=model.is_own,
            workers=n_workers,
        )


class JobAnswer(BaseModel):
    """A job, as it stands."""

    id: str
    model: str
    state: State
    progress: float = Field(description="the part that is rendered, 0..1")
    seconds: float
    seed: int
    created: float = Field(description="in seconds since 1970")
    attempts: int = Field(description="how often a worker has begun it")
    error: str = Field(description="why it failed, else empty")
    results: dict[str, str] = Field(description="where each kind of file is, once it is done")

    @classmethod
    def of(cls, job: Job) -> "JobAnswer":
        """Return the answer about a job."""
        asked = job.order.prediction
        return cls(
            id=job.id,
            model=job.order.model,
            state=job.state,
            progress=job.progress,
            seconds=asked.seconds,
            seed=asked.seed or 0,
            created=job.created,
            attempts=job.attempts,
            error=job.error,
            results={kind: f"/jobs/{job.id}/result.{kind}" for kind in Kind if job.state is State.DONE},
        )


class QueueAnswer(BaseModel):
    """The queue, and its newest jobs."""

    queued: int
    running: int
    done: int
    failed: int
    workers: int
    jobs: list[JobAnswer]


class HealthAnswer(BaseModel):
    """How the service is."""

    status: str
