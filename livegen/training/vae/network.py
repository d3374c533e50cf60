"""The VAE in torch: the reference for `livegen.engines.vae`.

The encoder takes a window beat by beat: a linear layer over the twelve steps of a beat, then a GRU in both directions
over the eight beats. It gives the free latents alone; the named ones are measured (`livegen.engines.vae.attributes`).
The conductor, a GRU over the beats, makes of all latents a plan: a few numbers for each step. The decoder, a GRU over
the steps, sees the plan, what was played in the step before, and what was played a bar ago. From its state, each
voice's head predicts the voice's note given the voices of this step that are known already, in any order.
"""

from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from livegen.engines.lstm.kernels import HAS_VOLUME, N_CLASSES, NOTE_CLASS
from livegen.engines.steps import BEATS, N_STEPS, STEPS_A_BEAT, onsets_of_windows
from livegen.engines.vae import rows
from livegen.engines.vae.config import N_POINTERS, VaeConfig
from livegen.score import N_VOICES, NOTE_RANGE, TIMBRE_MAX, Voice

RULED_OUT: Final = -1e4
"""Logit of a value that a voice cannot have; minus infinity would make gradients of it."""


class Batch(NamedTuple):
    """Windows, as the network takes them."""

    target: Tensor  # (B, 96, 4, 3)
    seen: Tensor  # (B, 96, 16): rows of the encoder's input
    inputs: Tensor  # (B, 96, N_INPUTS): rows of the decoder's input
    own: Tensor  # (B, 96, 4, 4): rows of each voice's head for what it did itself
    changed: Tensor  # (B, 96, 4): whether a voice's note is another than before: 0 no, 1 yes, 2 not told


def seen_rows(windows: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the rows of the encoder's input, (B, 96, 16), of windows ``uint8 (B, 96, 4, 3)``."""
    n, n_steps = windows.shape[:2]
    note, volume, timbre = np.moveaxis(windows.astype(np.int64), -1, 0)
    of_voice = [note + rows.SEEN_NOTE, volume + rows.SEEN_VOLUME, timbre + rows.SEEN_TIMBRE]
    attack = np.broadcast_to(rows.SEEN_ATTACK, note.shape)
    seen = np.stack([*of_voice, attack], -1) + np.arange(N_VOICES)[:, None] * rows.SEEN_VOICE
    seen[~onsets_of_windows(windows), -1] = rows.N_SEEN  # no row
    return seen.reshape(n, n_steps, -1)


def batch_of(
    windows: NDArray[np.uint8],
    before: NDArray[np.uint8],
    is_hidden: NDArray[np.bool_],
    is_bar_hidden: NDArray[np.bool_],
    device: torch.device,
    heard: NDArray[np.uint8] | None = None,
    target: NDArray[np.uint8] | None = None,
) -> Batch:
    """Return what the network takes.

    Parameters
    ----------
    windows : ndarray of uint8, shape (B, 96, 4, 3)
    before : ndarray of uint8, shape (B, 4, 3)
        The step before each window.
    is_hidden, is_bar_hidden : ndarray of bool, shape (B, 96, 4)
        Where the decoder is not told what a voice did in the step before, and a bar ago.
    heard, target : ndarray of uint8, shape (B, 96, 4, 3), optional
        What the decoder is told that was played, and what it is to play; the windows, if left out.
    """
    n = len(windows)
    heard = windows if heard is None else heard
    target = windows if target is None else target
    note = target[..., 0].astype(np.int64)
    last = np.concatenate([before[:, None], heard[:, :-1]], 1).astype(np.int64)
    held, held_volume, held_timbre = np.moveaxis(last, -1, 0)
    changed = np.where(is_hidden, 2, note != held)
    held = np.where(is_hidden, rows.UNKNOWN_NOTE, held)
    held_volume = np.where(is_hidden, rows.UNKNOWN_VOLUME, held_volume)
    held_timbre = np.where(is_hidden, rows.UNKNOWN_TIMBRE, held_timbre)
    bar = np.full(note.shape, rows.UNKNOWN_NOTE)
    bar[:, rows.BAR_STEPS :] = heard[:, : -rows.BAR_STEPS, :, 0]
    bar = np.where(is_bar_hidden, rows.UNKNOWN_NOTE, bar)
    inputs = np.stack([rows.IN_NOTE + held, rows.IN_VOLUME + held_volume, rows.IN_BAR + bar], -1)
    inputs += np.arange(N_VOICES)[:, None] * rows.IN_VOICE
    place = np.broadcast_to(rows.IN_PLACE + np.arange(N_STEPS)[:, None], (n, N_STEPS, 1))
    own = [rows.OWN_NOTE + held, rows.OWN_VOLUME + held_volume, rows.OWN_TIMBRE + held_timbre, rows.OWN_BAR + bar]

    def on_device(array: NDArray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.int64)).to(device)

    return Batch(
        on_device(target),
        on_device(seen_rows(windows)),
        on_device(np.concatenate([inputs.reshape(n, N_STEPS, -1), place], 2)),
        on_device(np.stack(own, -1)),
        on_device(changed),
    )


class Network(nn.Module):
    """The VAE; its arrays have the names and shapes of `VaeConfig.shapes`."""

    note_class: Tensor
    is_legal: Tensor
    quantiles: Tensor

    def __init__(self, config: VaeConfig):
        super().__init__()
        self.config = c = config
        self.register_buffer("quantiles", torch.zeros(config.shapes()["quantiles"]))
        self.seen = _Rows(rows.N_SEEN, c.n_seen, has_bias=True)
        self.beats = nn.Linear(STEPS_A_BEAT * c.n_seen, c.n_beat)
        self.encoder = nn.GRU(c.n_beat, c.n_encoder, batch_first=True, bidirectional=True)
        self.free = nn.Linear(4 * c.n_encoder, 2 * c.n_free)
        self.begin = nn.Linear(c.n_latents, c.n_conductor + c.n_state)
        self.beat = nn.Embedding(BEATS, c.n_conductor)
        self.conductor = nn.GRU(c.n_conductor, c.n_conductor, batch_first=True)
        self.plan = nn.Linear(c.n_conductor, STEPS_A_BEAT * c.n_plan)
        self.inputs = _Rows(rows.N_IN, c.n_embedding)
        self.decoder = nn.GRU(c.n_embedding + c.n_plan, c.n_state, batch_first=True)
        names = [voice.name for voice in c.voices]
        loud = [voice.name for voice in c.voices if HAS_VOLUME[voice]]
        self.trunk = nn.ModuleDict({name: nn.Linear(c.n_state + c.n_plan, c.n_hidden) for name in names})
        self.known = nn.ModuleDict({name: _Rows(rows.N_HEAD, c.n_hidden) for name in names})
        self.note = nn.ModuleDict({name: nn.Linear(c.n_note_hidden, N_CLASSES + N_POINTERS) for name in names})
        self.new = nn.ModuleDict({name: _Rows(rows.N_NEW, c.n_after_note) for name in loud})
        self.volume = nn.ModuleDict({name: nn.Linear(c.n_volume_hidden, rows.N_VOLUMES) for name in loud})
        self.loud = nn.ModuleDict({name: _Rows(rows.N_VOLUMES, c.n_timbre_hidden) for name in loud})
        self.timbre = nn.ModuleDict({name: nn.Linear(c.n_timbre_hidden, rows.N_TIMBRES) for name in loud})
        is_legal = torch.zeros(N_VOICES, N_CLASSES, dtype=torch.bool)
        for voice in Voice:
            lowest, highest = NOTE_RANGE[voice]
            is_legal[voice, : highest - lowest + 2] = True
        self.register_buffer("is_legal", is_legal, persistent=False)
        unknown = np.full((N_VOICES, 1), N_CLASSES)  # what is not told points at a class that is cut off
        note_class = np.concatenate([NOTE_CLASS[:, : rows.N_NOTES], unknown], 1).astype(np.int64)
        self.register_buffer("note_class", torch.from_numpy(note_class), persistent=False)

    def encode(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the free latents, each (B, n_free), of `Batch.seen`."""
        steps = functional.silu(self.seen(seen))  # (B, 96, n_seen)
        beats = functional.silu(self.beats(steps.flatten(1).unflatten(1, (BEATS, -1))))
        each, last = self.encoder(beats)  # (B, 8, 2 n_encoder), (2, B, n_encoder)
        whole = torch.cat([each.mean(1), last[0], last[1]], 1)
        mean, log_variance = self.free(whole).float().chunk(2, 1)
        return mean, log_variance.clamp(-8.0, 2.0)

    def plan_of(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the decoder's first state, (B, n_state), and the plan, (B, 96, n_plan), of latents (B, n_latents)."""
        conductor, state = torch.tanh(self.begin(z)).split([self.config.n_conductor, self.config.n_state], 1)
        beat = self.beat.weight.to(conductor.dtype) + conductor[:, None]  # (B, 8, n_conductor)
        led, _ = self.conductor(beat, conductor[None].contiguous())
        plan = functional.silu(self.plan(led)).unflatten(2, (STEPS_A_BEAT, -1)).flatten(1, 2)
        return state, plan

    def decode(self, state: Tensor, plan: Tensor, inputs: Tensor) -> Tensor:
        """Return the decoder's states, (B, 96, n_state + n_plan), each with its plan, for `Batch.inputs`."""
        seen = self.inputs(inputs).to(plan.dtype)
        h, _ = self.decoder(torch.cat([seen, plan], 2), state[None].contiguous())
        return torch.cat([h, plan], 2)

    def head_units(self, voice: Voice, h: Tensor, batch: Batch, is_known: Tensor) -> Tensor:
        """Return a voice's hidden units, (B, T, n_hidden); ``is_known`` (B, T, 4) says which voices it may see."""
        others = [u for u in Voice if u != voice]
        parts = [batch.own[:, :, voice]]
        for place, other in enumerate(others):
            if other in self.config.voices:
                at = rows.KNOWN + place * rows.KNOWN_VOICE
                known = torch.stack(
                    [at + batch.target[:, :, other, 0], at + rows.KNOWN_CHANGED + batch.changed[:, :, other]], 2
                )
                parts.append(torch.where(is_known[:, :, other, None], known, rows.N_HEAD))
        return self.trunk[voice.name](h) + self.known[voice.name](torch.cat(parts, 2))

    def note_logits(self, voice: Voice, units: Tensor, own: Tensor) -> Tensor:
        """Return logits of a voice's note classes, (B, T, 90), from its units; ``own`` is (B, T, 4)."""
        scores = self.note[voice.name](functional.silu(units[..., : self.config.n_note_hidden])).float()
        logits, pull = scores[..., :N_CLASSES], scores[..., N_CLASSES:]
        logits = functional.pad(logits, (0, 1))
        pointed = torch.stack([own[..., 0] - rows.OWN_NOTE, own[..., 3] - rows.OWN_BAR], -1)
        logits = logits.scatter_add(-1, self.note_class[voice][pointed], pull)[..., :N_CLASSES]
        return logits.masked_fill(~self.is_legal[voice], RULED_OUT)

    def volume_logits(self, voice: Voice, units: Tensor, note: Tensor, changed: Tensor) -> Tensor:
        """Return logits of a voice's volume, (B, T, 16), given its note and whether that is another than before."""
        new = self._new(voice, note, changed)[..., : self.config.n_volume_hidden]
        of_volume = units[..., self.config.n_note_hidden :][..., : self.config.n_volume_hidden]
        logits = self.volume[voice.name](functional.silu(of_volume + new)).float()
        logits[..., 0] = RULED_OUT  # a voice without volume is silent: its note is 0
        return logits

    def timbre_logits(self, voice: Voice, units: Tensor, note: Tensor, changed: Tensor, volume: Tensor) -> Tensor:
        """Return logits of a voice's timbre, (B, T, 4), given its note and volume."""
        new = self._new(voice, note, changed)[..., self.config.n_volume_hidden :]
        of_timbre = units[..., -self.config.n_timbre_hidden :] + new + self.loud[voice.name](volume[..., None])
        logits = self.timbre[voice.name](functional.silu(of_timbre)).float()
        logits[..., TIMBRE_MAX[voice] + 1 :] = RULED_OUT
        return logits

    def _new(self, voice: Voice, note: Tensor, changed: Tensor) -> Tensor:
        return self.new[voice.name](torch.stack([note, rows.NEW_CHANGED + changed], -1))

    def nlls(self, h: Tensor, batch: Batch, is_known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the negative log-likelihood of notes, volumes and timbres, each (B, T, 4), in nats.

        ``is_known`` (B, T, 4, 4) says for each voice which others it may see.
        """
        zero = torch.zeros(batch.target.shape[:2], device=h.device)
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        for voice in Voice:
            if voice not in self.config.voices:
                found.append((zero, zero, zero))
                continue
            note, volume, timbre = batch.target[:, :, voice].unbind(-1)
            units = self.head_units(voice, h, batch, is_known[:, :, voice])
            of_note = _nll(self.note_logits(voice, units, batch.own[:, :, voice]), self.note_class[voice][note])
            if not HAS_VOLUME[voice]:
                found.append((of_note, zero, zero))
                continue
            changed, sounds = batch.changed[:, :, voice], note > 0
            of_volume = torch.where(sounds, _nll(self.volume_logits(voice, units, note, changed), volume), 0.0)
            of_timbre = _nll(self.timbre_logits(voice, units, note, changed, volume), timbre)
            found.append((of_note, of_volume, torch.where(sounds, of_timbre, 0.0)))
        notes, volumes, timbres = (torch.stack(each, -1) for each in zip(*found, strict=True))
        return notes, volumes, timbres


class _Rows(nn.Module):
    """A table whose rows are looked up and added; a row past its end is none."""

    def __init__(self, n_rows: int, width: int, *, has_bias: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_rows, width) * 0.1)
        self.bias = nn.Parameter(torch.zeros(width)) if has_bias else None

    def forward(self, which: Tensor) -> Tensor:
        """Return the sums of the rows ``which (..., k)``, (..., width)."""
        table = functional.pad(self.weight, (0, 0, 0, 1))
        summed = functional.embedding_bag(which.flatten(0, -2), table, mode="sum", padding_idx=len(table) - 1)
        summed = summed.unflatten(0, which.shape[:-1])
        return summed if self.bias is None else summed + self.bias


def _nll(logits: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none").view(target.shape)
