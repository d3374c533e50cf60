"""A session that is played offline from beginning to end, as a value: what it depends on is all in it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from livegen.controls import Value
from livegen.engines.checkpoint import load_conductor
from livegen.engines.protocol import Engine
from livegen.events import Event
from livegen.formats.audio.file import DEFAULT_SAMPLE_RATE_HZ
from livegen.formats.chip.register_files import is_register_file
from livegen.formats.chip.register_log import VGM_RATE_HZ, Tags
from livegen.instrument.instrument import Instrument
from livegen.offline.render import RenderedFrame, render, render_to_file
from livegen.patch import Patch


@dataclass(frozen=True, slots=True, eq=False)
class Rendition:
    """A session on the offline clock: played again, it is the same to the last bit.

    Attributes
    ----------
    engine : Engine
    patch : Patch
    n_frames : int
    seed : int
    controls : mapping
        Values over those of the patch, by full name.
    events : sequence of (float, Event)
        What a performer plays; see `livegen.offline.render.render`.
    patches : mapping of str to Patch
        Those that it can change to.
    """

    engine: Engine
    patch: Patch
    n_frames: int
    seed: int
    controls: Mapping[str, Value] = field(default_factory=dict)
    events: Sequence[tuple[float, Event]] = ()
    patches: Mapping[str, Patch] = field(default_factory=dict)

    def instrument(self, sample_rate: int = DEFAULT_SAMPLE_RATE_HZ, *, is_apart: bool = False) -> Instrument:
        """Return an instrument for it that has played nothing yet, with one channel, or with one for each voice."""
        return Instrument(
            self.engine,
            self.patch,
            sample_rate,
            controls=self.controls,
            seed=self.seed,
            n_channels=1,
            is_apart=is_apart,
            patches=self.patches,
            conductor=load_conductor(self.engine),
        )

    def frames(self, sample_rate: int = DEFAULT_SAMPLE_RATE_HZ, *, is_apart: bool = False) -> Iterator[RenderedFrame]:
        """Play it, and yield its frames with their sound."""
        return render(self.instrument(sample_rate, is_apart=is_apart), self.n_frames, self.events)

    def write(
        self,
        path: Path,
        *,
        rate: int | None = None,
        is_apart: bool = False,
        tags: Tags | None = None,
        loop_from: float | None = None,
        is_for_daw: bool = False,
        on_frame: Callable[[], None] = lambda: None,
    ) -> None:
        """Play it into a file.

        Parameters
        ----------
        path : Path
            Its name ends in one of `livegen.offline.render.RENDER_ENDINGS`.
        rate : int, optional
            Sample rate in Hz, for sound; else 48,000. Register writes have their own.
        is_apart : bool
            Whether sound has a channel for each voice.
        tags, loop_from, is_for_daw, on_frame
            See `livegen.offline.render.render_to_file`.

        Raises
        ------
        FormatError
            If the file cannot be written.
        """
        sample_rate = VGM_RATE_HZ if is_register_file(path) else rate or DEFAULT_SAMPLE_RATE_HZ
        render_to_file(
            self.instrument(sample_rate, is_apart=is_apart),
            path,
            self.n_frames,
            self.events,
            tags=tags,
            loop_from=loop_from,
            is_for_daw=is_for_daw,
            on_frame=on_frame,
        )
