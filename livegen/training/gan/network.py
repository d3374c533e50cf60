"""The GAN in torch: the generator is the reference of `livegen.engines.gan`, the discriminators teach it.

The generator has a trunk that the voices share and a head for each voice. The trunk hears the shared latent alone, and
a head the trunk and its own latent; so another latent of one voice leaves the others exactly as they are. It grows from
beats to their quarters and from these to steps, and all of its convolutions are circular in time: a phrase is a loop by
construction.

A head says of each step whether its voice strikes there, what, how loud and with which timbre. Between two strikes a
note lasts: so there are long notes, and no voice is cut up into steps. Silence is one of the classes that are struck.
Choices are hard, with the gradient of a soft one (straight through).

What is judged is a cut of a loop at any beat, since real phrases are cuts of songs at any beat, and no loops. The
judges do not see beyond its ends.
"""

from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from livegen.engines.gan.layout import (
    FIRST_NOTE,
    HAS_VOLUME,
    KERNEL,
    N_NOTES,
    N_TIMBRES,
    PHRASE_BEATS,
    PHRASE_STEPS,
    QUARTERS,
    THIRDS,
    GanConfig,
    at_volume,
    n_outputs,
)
from livegen.engines.steps import STEPS_A_BEAT
from livegen.score import NOTE_RANGE, ONSET_VOLUME_RISE, PITCHED, Voice
from livegen.units import MAX_VOLUME

SLOPE: Final = 0.2
_TINY: Final = 1e-8
_GATE_SHARPNESS: Final = 1.0


class Phrase(NamedTuple):
    """Phrases as the discriminators take them: by voice, classes of notes, volumes 0..1, and classes of timbres."""

    notes: list[Tensor]  # (B, T, N_NOTES)
    volumes: Tensor  # (B, T, 4)
    timbres: list[Tensor]  # (B, T, N_TIMBRES)


def activated(x: Tensor) -> Tensor:
    """Return a leaky rectifier of x, (B, C, T), with each step's channels scaled to a mean square of one."""
    x = functional.leaky_relu(x, SLOPE)
    return x * torch.rsqrt((x * x).mean(1, keepdim=True) + _TINY)


def _grown(x: Tensor, factor: int) -> Tensor:
    """Return x, (B, factor * C, T), as (B, C, factor * T): the channels of a step become steps."""
    b, c, t = x.shape
    return x.view(b, factor, c // factor, t).permute(0, 2, 3, 1).reshape(b, c // factor, t * factor)


def _circular(n_in: int, n_out: int, width: int = KERNEL) -> nn.Conv1d:
    return nn.Conv1d(n_in, n_out, width, padding=width // 2, padding_mode="circular")


class _Trunk(nn.Module):
    def __init__(self, c: GanConfig):
        super().__init__()
        self.latent = nn.Linear(c.n_shared, PHRASE_BEATS * c.n_trunk)
        self.beats = _circular(c.n_trunk, c.n_trunk)
        self.up = _circular(c.n_trunk, QUARTERS * c.n_trunk_fine)
        self.quarters = _circular(c.n_trunk_fine, c.n_trunk_fine)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        beats = activated(self.beats(_on_beats(self.latent, z)))
        return beats, activated(self.quarters(activated(_grown(self.up(beats), QUARTERS))))


class _Head(nn.Module):
    def __init__(self, c: GanConfig, voice: Voice):
        super().__init__()
        self.latent = nn.Linear(c.n_own, PHRASE_BEATS * c.n_own_in)
        self.beats = _circular(c.n_trunk + c.n_own_in, c.n_head)
        self.up = _circular(c.n_head, QUARTERS * c.n_head_fine)
        self.quarters = _circular(c.n_trunk_fine + c.n_head_fine, c.n_head)
        self.thirds = _circular(c.n_head, THIRDS * c.n_head_fine)
        self.steps = _circular(c.n_head_fine, c.n_head_fine)
        self.out = nn.Conv1d(c.n_head_fine, n_outputs(voice), 1)

    def forward(self, beats: Tensor, quarters: Tensor, z: Tensor) -> Tensor:
        x = activated(self.beats(torch.cat([beats, _on_beats(self.latent, z)], 1)))
        x = activated(_grown(self.up(x), QUARTERS))
        x = activated(self.quarters(torch.cat([quarters, x], 1)))
        x = activated(_grown(self.thirds(x), THIRDS))
        return self.out(activated(self.steps(x)))


def _on_beats(layer: nn.Linear, z: Tensor) -> Tensor:
    """Return what a latent, (B, blocks, n), says of each beat, (B, C, 8 * blocks): each block is a phrase's length."""
    x = layer(z)
    b, blocks, _ = x.shape
    return activated(x.view(b, blocks, -1, PHRASE_BEATS).permute(0, 2, 1, 3).reshape(b, -1, blocks * PHRASE_BEATS))


class Generator(nn.Module):
    """Makes loops of latents; a loop of several phrases has a latent for each, and is one circle."""

    def __init__(self, config: GanConfig):
        super().__init__()
        self.config = config
        self.trunk = _Trunk(config)
        self.heads = nn.ModuleDict({voice.name: _Head(config, voice) for voice in Voice})

    def scores(self, shared: Tensor, own: Tensor) -> list[Tensor]:
        """Return what each head says, (B, outputs, T), of latents (B, blocks, n_shared) and (B, blocks, 4, n_own)."""
        beats, quarters = self.trunk(shared)
        return [self.heads[voice.name](beats, quarters, own[:, :, voice]) for voice in Voice]

    def forward(self, shared: Tensor, own: Tensor) -> Phrase:
        """Return loops of one phrase, of latents (B, n_shared) and (B, 4, n_own)."""
        return phrase_of(self.scores(shared[:, None], own[:, None]))


def phrase_of(scores: list[Tensor]) -> Phrase:
    """Return what voices play by the scores of their heads."""
    notes, volumes, timbres = [], [], []
    for voice, score in zip(Voice, scores, strict=True):
        score = score.transpose(1, 2)  # (B, T, outputs)
        gate = _hard_gate(score[..., 0])
        struck = _hard_choice(score[..., FIRST_NOTE : FIRST_NOTE + N_NOTES[voice]])
        note = _Held.apply(gate, struck)
        timbre = _hard_choice(score[..., at_volume(voice) + 1 :])
        notes.append(note)
        sounding = 1.0 - note[..., 0]
        loud = _hard_volume(score[..., at_volume(voice)]) if HAS_VOLUME[voice] else torch.zeros_like(sounding)
        volumes.append(loud * sounding)
        timbres.append(_Held.apply(gate.detach(), timbre) if N_TIMBRES[voice] > 1 else timbre)
    return Phrase(notes, torch.stack(volumes, 2), timbres)


def _hard_choice(logits: Tensor) -> Tensor:
    soft = logits.softmax(-1)
    hard = functional.one_hot(logits.argmax(-1), logits.shape[-1]).to(soft.dtype)
    return hard - soft.detach() + soft


def _hard_gate(logits: Tensor) -> Tensor:
    """Return 1 where a voice strikes, (B, T): where the logit is over 0, and at least where it is highest."""
    soft = torch.sigmoid(logits * _GATE_SHARPNESS)
    hard = ((logits > 0) | functional.one_hot(logits.argmax(-1), logits.shape[-1]).bool()).to(soft.dtype)
    return hard - soft.detach() + soft


def _hard_volume(logit: Tensor) -> Tensor:
    soft = torch.sigmoid(logit)
    hard = torch.floor(soft * MAX_VOLUME + 0.5) / MAX_VOLUME
    return hard - soft.detach() + soft


class _Held(torch.autograd.Function):
    """What is struck lasts until the next strike, around the circle.

    The gradient of a gate is what its opening changes: the steps up to the next strike would have what is struck there
    in place of what lasted from before.
    """

    @staticmethod
    def forward(ctx: Any, gate: Tensor, struck: Tensor) -> Tensor:
        is_open = gate.detach() > 0.5
        n = is_open.shape[-1]
        at = torch.arange(2 * n)
        last = torch.where(torch.cat([is_open, is_open], -1), at, -1).cummax(-1).values[..., n:]  # in n..2n, or before
        age = at[n:] - last
        last = last % n
        held = struck.gather(-2, last[..., None].expand_as(struck))
        ctx.save_for_backward(is_open, last, age, struck.detach(), held.detach())
        return held

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        is_open, last, age, struck, held = ctx.saved_tensors
        of_held = gradients[0]
        is_same = last[..., :, None] == last[..., None, :]
        lasts = (is_same & (age[..., None, :] >= age[..., :, None])).to(
            of_held.dtype
        )  # from each step to the next strike
        summed = lasts @ of_held
        before = held.roll(1, -2)
        of_gate = (summed * (struck - before)).sum(-1)
        return of_gate, summed * is_open[..., None].to(of_held.dtype)


def rotated(phrase: Phrase, beats: Tensor) -> Phrase:
    """Return loops cut open at other beats, (B,)."""
    steps = (torch.arange(PHRASE_STEPS) + STEPS_A_BEAT * beats[:, None]) % PHRASE_STEPS

    def turn(x: Tensor) -> Tensor:
        return x.gather(1, steps[..., None].expand_as(x))

    return Phrase([turn(x) for x in phrase.notes], turn(phrase.volumes), [turn(x) for x in phrase.timbres])


def to_phrase(windows: Tensor) -> Phrase:
    """Return phrases of steps, uint8 (B, T, 4, 3), in the form that the discriminators take."""
    notes, timbres = [], []
    for voice in Voice:
        lowest, _ = NOTE_RANGE[voice]
        classes = (windows[:, :, voice, 0].long() - lowest + 1).clamp(0)
        notes.append(functional.one_hot(classes, N_NOTES[voice]).float())
        timbres.append(functional.one_hot(windows[:, :, voice, 2].long(), N_TIMBRES[voice]).float())
    return Phrase(notes, windows[..., 1].float() / MAX_VOLUME, timbres)


def to_windows(phrase: Phrase) -> Tensor:
    """Return phrases as uint8 (B, T, 4, 3), as `to_phrase` takes them."""
    b, t = phrase.volumes.shape[:2]
    windows = torch.zeros(b, t, len(Voice), 3, dtype=torch.uint8)
    for voice in Voice:
        classes = phrase.notes[voice].argmax(-1)
        note = torch.where(classes > 0, classes + NOTE_RANGE[voice][0] - 1, 0)
        windows[:, :, voice, 0] = note.to(torch.uint8)
        windows[:, :, voice, 2] = (phrase.timbres[voice].argmax(-1) * (note > 0)).to(torch.uint8)
    windows[..., 1] = (phrase.volumes * MAX_VOLUME).round().to(torch.uint8)
    return windows


_CHROMA: Final = {
    voice: functional.one_hot((torch.arange(N_NOTES[voice]) - 1 + NOTE_RANGE[voice][0]) % 12, 12).float()
    * (torch.arange(N_NOTES[voice]) > 0)[:, None]
    for voice in PITCHED
}


class Heard(NamedTuple):
    """What the streams of the discriminator hear of phrases, each (B, channels, T)."""

    whole: Tensor
    onsets: Tensor
    chroma: Tensor
    pairs: Tensor


def heard(phrase: Phrase) -> Heard:
    """Return what is heard of phrases; real and made ones alike, by the definition of an onset in `livegen.score`."""
    sounding, struck = _sounding(phrase), strikes(phrase)
    chroma = [phrase.notes[voice] @ _CHROMA[voice] for voice in PITCHED]
    drums = phrase.notes[Voice.NO]
    pairs = []
    for one, other in ((0, 1), (0, 2), (1, 2)):
        products = chroma[one][..., :, None] * chroma[other][..., None, :]  # (B, T, 12, 12)
        pairs += [_relative(products)]
    whole = torch.cat([*phrase.notes, phrase.volumes, *phrase.timbres, struck], 2)
    parts = (
        whole,
        torch.cat([struck, sounding, phrase.volumes], 2),
        torch.cat([*chroma, drums], 2),
        torch.cat([*pairs, struck], 2),
    )
    return Heard(*(part.transpose(1, 2) for part in parts))


def _sounding(phrase: Phrase) -> Tensor:
    return torch.stack([1.0 - note[..., 0] for note in phrase.notes], 2)


def strikes(phrase: Phrase) -> Tensor:
    """Return where voices attack, (B, T, 4); in the first step, where they sound."""
    sounding = _sounding(phrase)
    same = torch.stack([(note[:, 1:] * note[:, :-1]).sum(-1) for note in phrase.notes], 2)
    rise = (phrase.volumes[:, 1:] - phrase.volumes[:, :-1]) * MAX_VOLUME - (ONSET_VOLUME_RISE - 0.5)
    soft = torch.sigmoid(rise)
    louder = (rise > 0).float() - soft.detach() + soft
    return torch.cat([sounding[:, :1], sounding[:, 1:] * (1.0 - same * (1.0 - louder))], 1)


_DIFFERENCE: Final = functional.one_hot((torch.arange(12)[:, None] - torch.arange(12)) % 12, 12).float().view(144, 12)


def _relative(products: Tensor) -> Tensor:
    """Return the intervals between two voices, (B, T, 12), of the products of their chromas."""
    return products.flatten(2) @ _DIFFERENCE


class Stream(nn.Module):
    """Convolutions over steps, quarters and beats; nothing is circular, and nothing is seen beyond the ends."""

    def __init__(self, n_in: int, width: int):
        super().__init__()
        self.layers = nn.ModuleList(
            [
                nn.Conv1d(n_in, width, THIRDS, THIRDS),
                nn.Conv1d(width, width, KERNEL, 1, 1),
                nn.Conv1d(width, width, QUARTERS, QUARTERS),
                nn.Conv1d(width, width, KERNEL, 1, 1),
            ]
        )
        self.last = nn.Linear(width * PHRASE_BEATS, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return what is heard of x, (B, channels, T), as (B, width)."""
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), SLOPE)
        return self.last(x.flatten(1))


class Discriminator(nn.Module):
    """Tells real phrases from made ones, by four streams; its size does not matter at play.

    Parameters
    ----------
    width : int
        Channels of the stream of the whole; the others have half as many.
    """

    def __init__(self, width: int = 160):
        super().__init__()
        empty = heard(to_phrase(torch.zeros(1, PHRASE_STEPS, len(Voice), 3, dtype=torch.uint8)))
        widths = (width, width // 2, width // 2, width // 2)
        self.streams = nn.ModuleList([Stream(part.shape[1], size) for part, size in zip(empty, widths, strict=True)])
        self.scores = nn.ModuleList([nn.Linear(size, 1) for size in widths])
        self.together = nn.Sequential(nn.Linear(sum(widths) + 1, width), nn.LeakyReLU(SLOPE), nn.Linear(width, 1))

    def forward(self, of: Heard) -> Tensor:
        """Return how real phrases sound, (B, 5): to each stream, and to all together."""
        found = [functional.leaky_relu(stream(part), SLOPE) for stream, part in zip(self.streams, of, strict=True)]
        each = [score(x) for score, x in zip(self.scores, found, strict=True)]
        joined = torch.cat(found, 1)
        return torch.cat([*each, self.together(torch.cat([joined, _spread(joined)], 1))], 1)


def _spread(x: Tensor) -> Tensor:
    """Return how much a batch's rows differ, (B, 1), so that phrases that are all alike are told by that."""
    deviation = torch.sqrt(x.var(0, unbiased=False) + _TINY).mean()
    return deviation.expand(len(x), 1)
