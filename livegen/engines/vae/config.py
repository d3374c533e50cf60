"""What a VAE is: its sizes, its voices, and its latents, as `config.toml` holds them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from livegen.engines.config import (
    ALL_VOICES,
    check_sizes,
    check_voices,
    size_lines,
    sizes_of,
    voice_lines,
    voices_of,
)
from livegen.engines.lstm.kernels import HAS_VOLUME, N_CLASSES
from livegen.engines.steps import BEATS, STEPS_A_BEAT
from livegen.engines.vae import rows
from livegen.engines.vae.attributes import N_QUANTILES, names_of
from livegen.errors import CheckpointError
from livegen.score import Voice

N_POINTERS: Final = 2
"""Notes that a head can point at: the one that the voice holds, and the one that it had a bar ago."""

_MAX_LATENTS: Final = 256
_LARGEST_GAIN: Final = 10.0


@dataclass(frozen=True)
class VaeConfig:
    """What the network is.

    Attributes
    ----------
    n_latents : int
        All latents: the named ones come first.
    n_seen, n_beat, n_encoder : int
        The encoder's units: of a step, of a beat, and of each direction of its GRU over the beats.
    n_conductor, n_plan : int
        Units of the GRU that goes through the beats, and of what it tells the decoder for each step.
    n_embedding, n_state : int
        The decoder's input and state.
    n_note_hidden, n_volume_hidden, n_timbre_hidden : int
        Units of a voice's head.
    voices : tuple of Voice
        The voices that it hears and plays.
    latents : tuple of str
        Names of the first latents. They belong to the weights: a model whose names are others than this livegen
        measures is refused.
    gains : tuple of float
        By how much further than its knob says each named latent goes, so that what is heard goes about as far: the
        decoder gives in to a knob only so much.

    Raises
    ------
    CheckpointError
        If a size is out of range, a voice does not exist, or the names are not those of the voices.
    """

    n_latents: int = 64
    n_seen: int = 160
    n_beat: int = 256
    n_encoder: int = 192
    n_conductor: int = 256
    n_plan: int = 96
    n_embedding: int = 192
    n_state: int = 320
    n_note_hidden: int = 128
    n_volume_hidden: int = 48
    n_timbre_hidden: int = 16
    voices: tuple[Voice, ...] = ALL_VOICES
    latents: tuple[str, ...] = ()
    gains: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_sizes(self)
        check_voices(self.voices)
        names = names_of(self.voices)
        if not self.latents:
            object.__setattr__(self, "latents", names)
        if self.latents != names:
            raise CheckpointError(
                f"latents is {self.latents!r}, and this livegen measures {', '.join(names)} for such voices: "
                "update livegen, or train the model again"
            )
        if not self.gains:
            object.__setattr__(self, "gains", (1.0,) * len(names))
        if len(self.gains) != len(names) or not all(0.0 < gain <= _LARGEST_GAIN for gain in self.gains):
            raise CheckpointError(f"gains is {self.gains!r}: it needs {len(names)} numbers over 0, to {_LARGEST_GAIN}")
        if not len(names) < self.n_latents <= _MAX_LATENTS:
            raise CheckpointError(
                f"n_latents is {self.n_latents}: allowed is more than the {len(names)} named ones, to {_MAX_LATENTS}"
            )

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Return what a `config.toml` says; raises CheckpointError."""
        sizes, latents = sizes_of(cls, table), table.get("latents")
        if not isinstance(latents, list) or not all(isinstance(name, str) for name in latents):
            raise CheckpointError(f"latents is {latents!r}: it needs a list of the names of the first latents")
        gains = table.get("gains", [])
        if not isinstance(gains, list) or not all(isinstance(gain, int | float) for gain in gains):
            raise CheckpointError(f"gains is {gains!r}: it needs a list of numbers")
        return cls(**sizes, voices=voices_of(table), latents=tuple(latents), gains=tuple(map(float, gains)))

    def to_lines(self) -> list[str]:
        """Return the lines of TOML that say it, as `from_table` reads them."""
        lines = [f"latents = {json.dumps(self.latents)}", f"gains = {json.dumps(self.gains)}"]
        return [*lines, *voice_lines(self.voices), *size_lines(self)]

    @property
    def n_named(self) -> int:
        """Number of the named latents."""
        return len(self.latents)

    @property
    def n_free(self) -> int:
        """Number of the other latents."""
        return self.n_latents - self.n_named

    @property
    def n_hidden(self) -> int:
        """Units of a voice's head: those of its note, volume and timbre."""
        return self.n_note_hidden + self.n_after_note

    @property
    def n_after_note(self) -> int:
        """Units of a voice's volume and timbre."""
        return self.n_volume_hidden + self.n_timbre_hidden

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of every array of the weights."""
        shapes: dict[str, tuple[int, ...]] = {
            "quantiles": (self.n_named, N_QUANTILES),
            "seen.weight": (rows.N_SEEN, self.n_seen),
            "seen.bias": (self.n_seen,),
            "beats.weight": (self.n_beat, STEPS_A_BEAT * self.n_seen),
            "beats.bias": (self.n_beat,),
            **_gru("encoder", self.n_beat, self.n_encoder, "_l0", "_l0_reverse"),
            "free.weight": (2 * self.n_free, 4 * self.n_encoder),
            "free.bias": (2 * self.n_free,),
            "begin.weight": (self.n_conductor + self.n_state, self.n_latents),
            "begin.bias": (self.n_conductor + self.n_state,),
            "beat.weight": (BEATS, self.n_conductor),
            **_gru("conductor", self.n_conductor, self.n_conductor),
            "plan.weight": (STEPS_A_BEAT * self.n_plan, self.n_conductor),
            "plan.bias": (STEPS_A_BEAT * self.n_plan,),
            "inputs.weight": (rows.N_IN, self.n_embedding),
            **_gru("decoder", self.n_embedding + self.n_plan, self.n_state),
        }
        for voice in self.voices:
            layers = {
                "trunk": (self.n_hidden, self.n_state + self.n_plan),
                "note": (N_CLASSES + N_POINTERS, self.n_note_hidden),
            }
            shapes[f"known.{voice.name}.weight"] = (rows.N_HEAD, self.n_hidden)
            if HAS_VOLUME[voice]:
                layers["volume"] = (rows.N_VOLUMES, self.n_volume_hidden)
                layers["timbre"] = (rows.N_TIMBRES, self.n_timbre_hidden)
                shapes[f"new.{voice.name}.weight"] = (rows.N_NEW, self.n_after_note)
                shapes[f"loud.{voice.name}.weight"] = (rows.N_VOLUMES, self.n_timbre_hidden)
            for layer, (n_out, n_in) in layers.items():
                shapes[f"{layer}.{voice.name}.weight"] = (n_out, n_in)
                shapes[f"{layer}.{voice.name}.bias"] = (n_out,)
        return shapes


def _gru(name: str, n_in: int, n: int, *ends: str) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for end in ends or ("_l0",):
        shapes |= {f"{name}.weight_ih{end}": (3 * n, n_in), f"{name}.weight_hh{end}": (3 * n, n)}
        shapes |= {f"{name}.bias_ih{end}": (3 * n,), f"{name}.bias_hh{end}": (3 * n,)}
    return shapes
