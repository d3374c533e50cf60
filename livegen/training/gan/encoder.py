"""The encoder, which is needed while the GAN is trained and never at play, and the loss of decoding.

A discriminator alone teaches a generator little in the first hour, and is content with few kinds of phrases. So the
generator first learns to decode real phrases, as that of a variational autoencoder does, and goes on with that beside
the discriminator (Larsen, Sonderby, Larochelle and Winther, "Autoencoding beyond pixels using a learned similarity
metric", ICML 2016).
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from livegen.engines.gan.layout import FIRST_NOTE, HAS_VOLUME, N_NOTES, N_TIMBRES, PHRASE_STEPS, GanConfig, at_volume
from livegen.score import Voice
from livegen.training.gan.network import SLOPE, Phrase, Stream, heard, strikes, to_phrase

_LASTING_WEIGHT: Final = 0.15
"""How much the note of a step counts in which nothing is struck, beside one where something is."""

_GATE_WEIGHT: Final = 1.0
_VOLUME_WEIGHT: Final = 4.0
_TIMBRE_WEIGHT: Final = 0.2


class Places(NamedTuple):
    """Where phrases lie: means and log-variances of their latents, (B, n_shared) and (B, 4, n_own)."""

    shared: Tensor
    shared_spread: Tensor
    own: Tensor
    own_spread: Tensor

    def drawn(self) -> tuple[Tensor, Tensor]:
        """Return latents drawn there."""
        shared = self.shared + torch.randn_like(self.shared) * torch.exp(0.5 * self.shared_spread)
        return shared, self.own + torch.randn_like(self.own) * torch.exp(0.5 * self.own_spread)

    def divergence(self, free: float) -> Tensor:
        """Return the divergence from the prior in nats a phrase; each number has some of it free on average."""
        total = torch.zeros(())
        for mean, spread in ((self.shared, self.shared_spread), (self.own, self.own_spread)):
            nats = 0.5 * (mean**2 + spread.exp() - 1.0 - spread).mean(0)
            total = total + nats.clamp(min=free).sum()
        return total


class Encoder(nn.Module):
    """Finds the latents of phrases: the shared one from all voices, and a voice's own from it alone."""

    def __init__(self, config: GanConfig, width: int = 128):
        super().__init__()
        empty = to_phrase(torch.zeros(1, PHRASE_STEPS, len(Voice), 3, dtype=torch.uint8))
        self.whole = Stream(heard(empty).whole.shape[1], width)
        self.shared = nn.Linear(width, 2 * config.n_shared)
        self.voices = nn.ModuleDict({voice.name: Stream(_alone(empty, voice).shape[1], width // 2) for voice in Voice})
        self.own = nn.ModuleDict({voice.name: nn.Linear(width // 2, 2 * config.n_own) for voice in Voice})

    def forward(self, phrase: Phrase) -> Places:
        """Return where phrases lie."""
        shared = self.shared(functional.leaky_relu(self.whole(heard(phrase).whole), SLOPE)).chunk(2, 1)
        own = [
            self.own[voice.name](functional.leaky_relu(self.voices[voice.name](_alone(phrase, voice)), SLOPE))
            for voice in Voice
        ]
        own_mean, own_spread = torch.stack(own, 1).chunk(2, 2)
        return Places(shared[0], shared[1].clamp(-8, 4), own_mean, own_spread.clamp(-8, 4))


def _alone(phrase: Phrase, voice: Voice) -> Tensor:
    parts = [phrase.notes[voice], phrase.volumes[:, :, voice : voice + 1], phrase.timbres[voice]]
    return torch.cat([*parts, strikes(phrase)[:, :, voice : voice + 1]], 2).transpose(1, 2)


def decoding_loss(scores: list[Tensor], phrase: Phrase) -> Tensor:
    """Return how far the heads' scores are from real phrases, in nats a step or what stands for them."""
    struck = strikes(phrase)
    total = torch.zeros(())
    for voice, score in zip(Voice, scores, strict=True):
        score = score.transpose(1, 2)
        classes = phrase.notes[voice].argmax(-1)
        is_struck = struck[:, :, voice] > 0.5
        is_struck[:, 1:] |= classes[:, 1:] != classes[:, :-1]  # the end of a note is struck, too
        sounds = (classes > 0).float()
        of_gate = functional.binary_cross_entropy_with_logits(score[..., 0], is_struck.float(), reduction="none")
        total = total + _GATE_WEIGHT * of_gate[:, 1:].mean()  # whether the first step is struck is not known
        note = score[..., FIRST_NOTE : FIRST_NOTE + N_NOTES[voice]].flatten(0, 1)
        of_note = functional.cross_entropy(note, classes.flatten(), reduction="none").view_as(sounds)
        total = total + (of_note * torch.where(is_struck, 1.0, _LASTING_WEIGHT)).mean()
        if HAS_VOLUME[voice]:
            loud = torch.sigmoid(score[..., at_volume(voice)]) - phrase.volumes[:, :, voice]
            total = total + _VOLUME_WEIGHT * (loud**2 * sounds).mean()
        if N_TIMBRES[voice] > 1:
            timbre = score[..., at_volume(voice) + 1 :].flatten(0, 1)
            of_timbre = functional.cross_entropy(timbre, phrase.timbres[voice].argmax(-1).flatten(), reduction="none")
            total = total + _TIMBRE_WEIGHT * (of_timbre.view_as(sounds) * sounds).mean()
    return total
