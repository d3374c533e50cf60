"""Decoding with the network in torch, many windows at once: for figures, and to check the kernels."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from livegen.engines.lstm.kernels import HAS_VOLUME
from livegen.engines.steps import N_STEPS
from livegen.engines.vae import rows
from livegen.score import N_VOICES, NOTE_RANGE, Voice
from livegen.training.vae.network import Batch, Network


@torch.no_grad()
def decode(network: Network, z: Tensor, generator: torch.Generator | None = None) -> NDArray[np.uint8]:
    """Return the windows, ``uint8 (B, 96, 4, 3)``, that latents ``z (B, n_latents)`` decode to.

    The decoder hears what it has said itself, and nothing from before the window. With a generator, notes, volumes and
    timbres are drawn; without one each is the likeliest.
    """
    n, device = len(z), z.device
    state, plan = network.plan_of(z)
    said = torch.zeros(n, N_STEPS, N_VOICES, 3, dtype=torch.int64, device=device)
    for t in range(N_STEPS):
        told = torch.full((n, N_VOICES), t > 0, device=device)
        last = said[:, max(t - 1, 0)]
        held = torch.where(told, last[..., 0], rows.UNKNOWN_NOTE)
        volume = torch.where(told, last[..., 1], rows.UNKNOWN_VOLUME)
        timbre = torch.where(told, last[..., 2], rows.UNKNOWN_TIMBRE)
        far = t - rows.BAR_STEPS
        bar = said[:, far, :, 0] if far >= 0 else torch.full_like(held, rows.UNKNOWN_NOTE)
        own = torch.stack(
            [rows.OWN_NOTE + held, rows.OWN_VOLUME + volume, rows.OWN_TIMBRE + timbre, rows.OWN_BAR + bar], -1
        )
        inputs = torch.stack([rows.IN_NOTE + held, rows.IN_VOLUME + volume, rows.IN_BAR + bar], -1)
        inputs = inputs + torch.arange(N_VOICES, device=device)[:, None] * rows.IN_VOICE
        place = torch.full((n, 1), rows.IN_PLACE + t, device=device)
        seen = network.inputs(torch.cat([inputs.flatten(1), place], 1)[:, None])
        _, last_h = network.decoder(torch.cat([seen, plan[:, t : t + 1]], 2), state[None].contiguous())
        state = last_h[0]
        h = torch.cat([state, plan[:, t]], 1)[:, None]
        target = said[:, t : t + 1]  # filled voice by voice
        changed = torch.full((n, 1, N_VOICES), 2, device=device)
        batch = Batch(target, target, target, own[:, None], changed)
        for voice in network.config.voices:
            is_known = (torch.arange(N_VOICES, device=device) < voice).expand(n, 1, -1)
            units = network.head_units(voice, h, batch, is_known)
            note_class = _chosen(network.note_logits(voice, units, own[:, None, voice])[:, 0], generator)
            note = torch.where(note_class > 0, note_class + NOTE_RANGE[voice][0] - 1, 0)
            said[:, t, voice, 0] = note
            changed[:, 0, voice] = torch.where(told[:, voice], (note != held[:, voice]).long(), 2)
            if not HAS_VOLUME[voice]:
                continue
            now, is_changed = note[:, None], changed[:, :, voice]
            loud = _chosen(network.volume_logits(voice, units, now, is_changed)[:, 0], generator)
            kind = _chosen(network.timbre_logits(voice, units, now, is_changed, loud[:, None])[:, 0], generator)
            said[:, t, voice, 1] = torch.where(note > 0, loud, 0)
            said[:, t, voice, 2] = torch.where(note > 0, kind, 0)
    return said.cpu().numpy().astype(np.uint8)


def _chosen(logits: Tensor, generator: torch.Generator | None) -> Tensor:
    if generator is None:
        return logits.argmax(-1)
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]


def accuracy(
    decoded: NDArray[np.uint8], windows: NDArray[np.uint8], voices: tuple[Voice, ...]
) -> tuple[float, float, float]:
    """Return the share of notes that are right over all steps, and where the note changes, and of the last step copied.

    The first step of a window counts in none of them: nobody knows there whether the note changes.
    """
    note, truth = decoded[..., list(voices), 0], windows[..., list(voices), 0]
    is_right = (note == truth)[:, 1:]
    is_change = truth[:, 1:] != truth[:, :-1]
    of_changes = float(is_right[is_change].mean()) if is_change.any() else 0.0
    return float(is_right.mean()), of_changes, float((~is_change).mean())
