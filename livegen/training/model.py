"""The network in torch: training fits it, and the live step must give the same results.

It is one LSTM over frames. Its input is a sum of table rows (`features.input_rows`). Within a frame each voice has
hidden units: the sum of W h, of what is known of the other voices in the new frame, and of what the voice did last.
They give the logits of the note, then those of the volume, then those of the timbre. **Pointers** add to the logits of
notes that were played lately, and of those that the motif memory proposes, whichever notes these are. So "what I played
three notes ago" is learnt once for all keys. **Relative weights** do the same for harmony (`livegen.engines.lstm.ear`),
and the place of the frame in the beat adds directly to the logit of holding on. Any set of voices may be known, so the
voices of a frame can be predicted in any order.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from livegen.engines.lstm import ear, features
from livegen.engines.lstm.kernels import (
    AT_MEMORY,
    HAS_VOLUME,
    N_CLASSES,
    N_SCORES,
    N_VOLUME_SCORES,
    NO_CLASS,
    NOTE_CLASS,
)
from livegen.engines.lstm.lstm import LstmConfig
from livegen.score import N_COLUMNS, N_VOICES, NOTE_RANGE, TIMBRE_MAX, Voice
from livegen.training.dataset import Segment

RULED_OUT: Final = -1e9
"""Logit of a value that is impossible. It is finite, so that a sum with it is never NaN."""


@dataclass(frozen=True)
class Batch:
    """A segment as tensors, with N = T * B frames: first the B lanes' frames at the first time, then at the next.

    Attributes
    ----------
    rows : (T, B, N_INPUTS + 1) int64
        `features.input_rows` of what was heard before each frame, and who performs.
    own : (N, 4, N_OWN) int64
        `features.own_rows` of each voice; the tables of the four voices are numbered as one table.
    known : (N, 4, N_KNOWN) int64
        `features.known_rows` of each voice of the frame; numbered in the same way.
    before, target : (N, 4, 19) int64
        What was heard up to the frame before, and up to the frame itself.
    proposals : (N, 4, 4, 6) int64
        What the memory proposes for the frame.
    harmony : (N, N_EAR, 12) float
        What is heard of the harmony before the frame, `livegen.engines.lstm.ear`.
    performed : (N,) int64
        Bits of the voices that are a performer's; also, for the LSTM, the last column of `rows`.
    place : (N,) int64
        Where the frame falls in the beat, and the beat's period, as one number.
    weights : (N, 4) float
        How much each voice of a frame counts.
    is_turn : (N, 4) bool
        Where a voice finds back from a wrong past.
    counts : (N,) float
        1 for a frame, 0 for padding.
    keeps_state : (1, B, 1) float
        0 where a song begins.
    """

    rows: Tensor
    own: Tensor
    known: Tensor
    before: Tensor
    target: Tensor
    proposals: Tensor
    harmony: Tensor
    performed: Tensor
    place: Tensor
    weights: Tensor
    is_turn: Tensor
    counts: Tensor
    keeps_state: Tensor

    def that_count(self) -> "Batch":
        """Return the batch without padding: N is then the number of frames that count."""
        kept = self.counts.bool()
        return Batch(
            self.rows,
            self.own[kept],
            self.known[kept],
            self.before[kept],
            self.target[kept],
            self.proposals[kept],
            self.harmony[kept],
            self.performed[kept],
            self.place[kept],
            self.weights[kept],
            self.is_turn[kept],
            self.counts[kept],
            self.keeps_state,
        )


def batch_of(segment: Segment, device: torch.device, leaves_out: Collection[str] = ()) -> Batch:
    """Turn a segment into the tensors that the network takes.

    What the network leaves out (`LstmConfig.leaves_out`) is first removed from the segment, in place.
    """
    T, B = segment.before.shape[:2]
    if "ages" in leaves_out:
        features.forget_ages(segment.before)
    if "memory" in leaves_out:
        segment.proposals[:] = features.NO_PROPOSALS
    is_start = np.zeros((T, B), np.bool_)
    is_start[0] = segment.is_start
    before, target = (of_frames.reshape(T * B, N_VOICES, -1) for of_frames in (segment.before, segment.target))
    proposals, beat = segment.proposals.reshape(T * B, *segment.proposals.shape[2:]), segment.beat.reshape(T * B, -1)
    performed = segment.performed.reshape(-1)
    rows = np.empty((T * B, features.N_INPUTS), np.int64)
    own = np.empty((T * B, N_VOICES, features.N_OWN), np.int64)
    known = np.empty((T * B, N_VOICES, features.N_KNOWN), np.int64)
    features.batch_rows(before, target, proposals, beat, is_start.reshape(-1), rows, own, known)
    rows = np.concatenate([rows, performed[:, None]], 1)
    place = beat[:, 0].astype(np.int64) * (features.N_PERIODS + 1) + beat[:, 1]
    counts = np.arange(T)[:, None] < segment.n_frames
    return Batch(
        torch.from_numpy(rows).reshape(T, B, -1).to(device),
        torch.from_numpy(own).to(device),
        torch.from_numpy(known).to(device),
        torch.from_numpy(before).to(device).long(),
        torch.from_numpy(target).to(device).long(),
        torch.from_numpy(proposals).to(device).long(),
        torch.from_numpy(segment.harmony.reshape(T * B, *segment.harmony.shape[2:])).to(device),
        torch.from_numpy(performed).to(device).long(),
        torch.from_numpy(place).to(device),
        torch.from_numpy(segment.weights.reshape(T * B, -1)).to(device).float(),
        torch.from_numpy(segment.is_turn.reshape(T * B, -1)).to(device),
        torch.from_numpy(counts.reshape(-1)).to(device).float(),
        torch.from_numpy(~segment.is_start).to(device).float()[None, :, None],
    )


class Network(nn.Module):
    """The trained network; see the module's docstring for what it does."""

    def __init__(self, config: LstmConfig):
        super().__init__()
        self.config = c = config
        n = len(c.voices)
        beside = c.voices if n > 1 else ()  # voices that see other voices of the same frame
        n_absent = N_VOICES - n
        self.input_rows = nn.EmbeddingBag(
            features.N_INPUT_ROWS - n_absent * features.VOICE_ROWS, c.n_embedding, mode="sum"
        )
        self.lstm = nn.LSTM(c.n_embedding, c.n_state)
        self.known_rows = nn.EmbeddingBag(n * features.N_KNOWN_ROWS, c.n_known, mode="sum") if beside else None
        self.own_rows = nn.EmbeddingBag(n * features.N_OWN_ROWS, c.n_own, mode="sum")
        self.new_rows = nn.EmbeddingBag(n * features.N_NEW_ROWS, c.n_after_note, mode="sum")
        self.volume_rows = nn.EmbeddingBag(n * features.N_VOLUMES, c.n_timbre_hidden, mode="sum")
        loud = [voice for voice in c.voices if HAS_VOLUME[voice]]  # the triangle has neither volume nor timbre
        self.trunk = _for_each(c.voices, lambda: nn.Linear(c.n_state, c.n_hidden))
        self.known = _for_each(beside, lambda: nn.Linear((n - 1) * c.n_known, c.n_hidden, bias=False))
        self.own = _for_each(c.voices, lambda: nn.Linear(c.n_own, c.n_hidden, bias=False))
        self.note = _for_each(c.voices, lambda: nn.Linear(c.n_note_hidden, N_SCORES))
        self.volume = _for_each(loud, lambda: nn.Linear(c.n_volume_hidden, N_VOLUME_SCORES))
        self.timbre = _for_each(loud, lambda: nn.Linear(c.n_timbre_hidden, features.N_TIMBRES))
        pitched = [voice for voice in c.voices if voice is not Voice.NO]
        if c.listens:
            self.performed_rows = nn.Embedding(ear.N_PERFORMED, c.n_embedding)
            self.performed = _for_each(c.voices, lambda: nn.Embedding(ear.N_PERFORMED, c.n_hidden))
            self.hold = _for_each(c.voices, lambda: nn.Embedding(features.N_BEAT_PLACES, 1))
            self.relative = _for_each(pitched, lambda: nn.Linear(c.n_note_hidden, ear.N_RELATIVE))
            for part in (self.performed_rows, self.performed, self.hold, self.relative):
                for weights in part.parameters():  # so that listening changes nothing, to begin with
                    nn.init.zeros_(weights)
        for table in (self.input_rows, self.known_rows, self.own_rows, self.new_rows, self.volume_rows):
            if table is not None:
                nn.init.normal_(table.weight, std=0.1)
        with torch.no_grad():
            self.lstm.bias_ih_l0[c.n_state : 2 * c.n_state] += 1.0  # forget gates start open: the LSTM remembers
        note_class = torch.from_numpy(NOTE_CLASS)
        is_legal = torch.zeros(N_VOICES, N_CLASSES, dtype=torch.bool).scatter_(1, note_class, True)
        is_legal[:, NO_CLASS] = False
        self.note_class: Tensor
        self.is_legal: Tensor
        self.voices: Tensor
        self.is_absent: Tensor
        self.n_before: Tensor
        is_pitch = is_legal.clone()
        is_pitch[:, 0] = False
        self.is_pitch: Tensor
        self.register_buffer("is_pitch", is_pitch, persistent=False)
        self.interval: Tensor
        self.turned: Tensor
        self.register_buffer("interval", torch.from_numpy(_class_intervals()), persistent=False)
        turned = (torch.arange(ear.N_PITCH_CLASSES)[:, None] - torch.arange(ear.N_PITCH_CLASSES)) % ear.N_PITCH_CLASSES
        self.register_buffer("turned", turned, persistent=False)
        self.register_buffer("note_class", note_class, persistent=False)
        self.register_buffer("is_legal", is_legal, persistent=False)
        voices = torch.tensor(c.voices)
        self.register_buffer("voices", voices, persistent=False)
        self.register_buffer("n_before", voices - torch.arange(n), persistent=False)  # absent voices before each
        is_absent = torch.tensor([voice not in c.voices for voice in Voice])
        self.register_buffer("is_absent", is_absent, persistent=False)

    def forward(self, rows: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the LSTM's outputs, (T, B, n_state), and its state after them.

        Parameters
        ----------
        rows : (T, B, N_INPUTS + 1) int64
            Rows of the input table for T frames of B songs, `features.input_rows`, and who performs.
        state : two tensors (1, B, n_state)
            The state before the first frame, from `new_state` or an earlier call.
        """
        T, B, _ = rows.shape
        x = self.input_rows(self._own_inputs(rows[..., :-1].flatten(0, 1))).unflatten(0, (T, B))
        if self.config.listens:
            x = x + self.performed_rows(rows[..., -1])
        return self.lstm(x, state)

    def _own_inputs(self, rows: Tensor) -> Tensor:
        """Turn rows of the four voices' input table, (N, N_INPUTS), into rows of the table of the network's voices."""
        of_voices = rows[:, : N_VOICES * features.VOICE_INPUTS].unflatten(1, (N_VOICES, features.VOICE_INPUTS))
        of_voices = of_voices[:, self.voices] - self.n_before[:, None] * features.VOICE_ROWS
        of_all = rows[:, N_VOICES * features.VOICE_INPUTS :] - self.is_absent.sum() * features.VOICE_ROWS
        return torch.cat([of_voices.flatten(1), of_all], 1)

    def new_state(self, n_lanes: int) -> tuple[Tensor, Tensor]:
        """Return the state before a song, for `n_lanes` songs at once."""
        zeros = torch.zeros(1, n_lanes, self.config.n_state, device=self.is_legal.device)
        return zeros, zeros.clone()

    def losses(self, h: Tensor, batch: Batch, is_known: Tensor) -> "Losses":
        """Return the negative log-likelihood of notes, volumes and timbres, and of which note where it is a turn.

        It is 0 in voices that the network does not have.

        Parameters
        ----------
        h : (N, n_state)
            Outputs of the LSTM.
        batch : Batch
            Of the same N frames.
        is_known : (N, 4, 4) bool
            Entry [:, v, u] tells whether voice u of the frame is known when voice v is predicted.
        """
        seen = self.see(batch)
        of_absent = (torch.zeros(len(h), device=h.device),) * (N_COLUMNS + 1)
        columns = []
        for voice in Voice:
            if voice not in self.config.voices:
                columns.append(of_absent)
                continue
            logits = self.voice_logits(voice, h, seen, is_known[:, voice])
            which = torch.where(batch.is_turn[:, voice], self._which_nll(voice, logits[0], seen), 0.0)
            columns.append((*self.nlls(voice, logits, seen), which))
        return Losses(*(torch.stack(of_column, 1) for of_column in zip(*columns, strict=True)))

    def _which_nll(self, voice: Voice, logits: Tensor, seen: "Seen") -> Tensor:
        """Return the negative log-likelihood of a voice's note given that it changes."""
        held = self.note_class[voice][seen.before[:, voice, features.NOTE]]
        note = self.note_class[voice][seen.target[:, voice, features.NOTE]]
        others = logits.scatter(1, held[:, None], RULED_OUT)
        return torch.where(note == held, 0.0, functional.cross_entropy(others, note, reduction="none"))

    def see(self, batch: Batch) -> "Seen":
        """Look up the inputs of the heads for N frames."""
        before, target = batch.before, batch.target
        volume = _of_voices(target[..., features.VOLUME, None], features.N_VOLUMES)
        return Seen(
            before,
            target,
            batch.proposals,
            {} if self.known_rows is None else self._summed(self.known_rows, batch.known, features.N_KNOWN_ROWS),
            self._summed(self.own_rows, batch.own, features.N_OWN_ROWS),
            self._summed(self.new_rows, _new_rows(before, target), features.N_NEW_ROWS),
            self._summed(self.volume_rows, volume, features.N_VOLUMES),
            batch.performed,
            batch.place,
            self._turned(batch.harmony) if self.config.listens else batch.harmony,
        )

    def _turned(self, colours: Tensor) -> Tensor:
        """Return rows of pitch classes, (N, k, 12), as filters take them: (N, 12, k * 12), for each pitch class."""
        return colours[:, :, self.turned].transpose(1, 2).flatten(2)

    def _summed(self, table: nn.EmbeddingBag, rows: Tensor, n_rows: int) -> dict[Voice, Tensor]:
        """Return the sums of a table's rows, (N, width) by voice, for rows (N, 4, k) of the four voices' tables."""
        rows = rows[:, self.voices] - self.n_before[:, None] * n_rows
        summed = table(rows.flatten(0, 1)).unflatten(0, (-1, len(self.config.voices)))
        return dict(zip(self.config.voices, summed.unbind(1), strict=True))

    def voice_losses(self, voice: Voice, h: Tensor, seen: "Seen", is_known: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the negative log-likelihood of a voice's note, volume and timbre, each (N,), in nats.

        `is_known` is (N, 4), or (1, 4) if the same voices are known in all frames.
        """
        return self.nlls(voice, self.voice_logits(voice, h, seen, is_known), seen)

    def nlls(self, voice: Voice, logits: tuple[Tensor, ...], seen: "Seen") -> tuple[Tensor, Tensor, Tensor]:
        """Return the negative log-likelihood of a voice's note, volume and timbre under its `voice_logits`."""
        note, volume, timbre = seen.target[:, voice, :3].unbind(1)
        note_loss = functional.cross_entropy(logits[0], self.note_class[voice][note], reduction="none")
        if not HAS_VOLUME[voice]:
            return note_loss, torch.zeros_like(note_loss), torch.zeros_like(note_loss)
        volume_loss = functional.cross_entropy(logits[1], volume, reduction="none")
        volume_loss = torch.where((note == 0) | (volume == 0), 0.0, volume_loss)
        return note_loss, volume_loss, functional.cross_entropy(logits[2], timbre, reduction="none")

    def voice_logits(self, voice: Voice, h: Tensor, seen: "Seen", is_known: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of a voice's note classes, (N, 90), and, if it has them, of its volume and timbre.

        The volume is predicted from the note too, and the timbre from note and volume. Voices that the network does not
        have are taken for known and silent.
        """
        c, name = self.config, voice.name
        is_known = is_known | self.is_absent
        hidden = self.trunk[name](h)
        if len(c.voices) > 1:
            beside = [seen.known[u] * is_known[:, u, None] for u in c.voices if u != voice]  # 0 if not known
            hidden = hidden + self.known[name](torch.cat(beside, 1))
        hidden = hidden + self.own[name](seen.own[voice])
        if c.listens:
            hidden = hidden + self.performed[name](seen.performed)
        of_note, of_volume, of_timbre = hidden.split([c.n_note_hidden, c.n_volume_hidden, c.n_timbre_hidden], 1)
        of_note = functional.silu(of_note)
        of_notes = self._note_logits(voice, self.note[name](of_note).float(), seen, is_known)
        if c.listens:
            of_notes = self._with_ear(voice, of_note, of_notes, seen, is_known)
        if not HAS_VOLUME[voice]:
            return (of_notes,)
        new_of_volume, new_of_timbre = seen.new[voice].split([c.n_volume_hidden, c.n_timbre_hidden], 1)
        scores = self.volume[name](functional.silu(of_volume + new_of_volume)).float()
        of_volumes, pull = scores.split([features.N_VOLUMES, features.N_CANDIDATES], 1)
        of_volumes = functional.pad(of_volumes, (0, 1))  # empty candidates point at this extra volume
        of_volumes = of_volumes.scatter_add(1, seen.proposals[:, voice, :, features.THEN_VOLUME], pull)[:, :-1]
        of_volumes[:, 0] = RULED_OUT  # in NES-MDB a voice without volume is silent: its note is 0
        of_timbres = self.timbre[name](functional.silu(of_timbre + new_of_timbre + seen.volume[voice])).float()
        of_timbres[:, TIMBRE_MAX[voice] + 1 :] = RULED_OUT
        return of_notes, of_volumes, of_timbres

    def _note_logits(self, voice: Voice, scores: Tensor, seen: "Seen", is_known: Tensor) -> Tensor:
        logits, pull = scores[:, :N_CLASSES], scores[:, N_CLASSES : N_CLASSES + AT_MEMORY]
        if voice is Voice.NO:
            notes = seen.before[:, voice, features.NOTES :]  # (N, 8)
            pull = pull[:, : features.N_NOTES]
        else:
            played = seen.before[:, : Voice.NO, features.NOTES :].flatten(1)  # (N, 24)
            notes = torch.cat([played, seen.target[:, : Voice.NO, features.NOTE]], 1)
            pull_of_known = pull[:, played.shape[1] :] * is_known[:, : Voice.NO]
            pull = torch.cat([pull[:, : played.shape[1]], pull_of_known], 1)
        proposed = seen.proposals[:, voice]  # (N, 4, 6)
        is_there = proposed[..., features.TRUST] > 0
        proposed_class = torch.where(is_there, self.note_class[voice][proposed[..., features.NEXT]], NO_CLASS)
        classes = torch.cat([self.note_class[voice][notes], proposed_class], 1)
        logits = logits.scatter_add(1, classes, torch.cat([pull, scores[:, N_CLASSES + AT_MEMORY :]], 1))
        return logits.masked_fill(~self.is_legal[voice], RULED_OUT)

    def _with_ear(self, voice: Voice, of_note: Tensor, logits: Tensor, seen: "Seen", is_known: Tensor) -> Tensor:
        """Add to note logits what the harmony asks for, and what the beat does: `ear.add_harmony` is the same, live."""
        held = seen.before[:, voice, features.NOTE]
        held_class = self.note_class[voice][held][:, None]
        if voice is not Voice.NO:
            to_change, to_hold = self._harmony(voice, self.relative[voice.name](of_note).float(), seen, is_known)
            to_change = to_change.scatter(1, held_class, torch.where(held > 0, to_hold, 0.0)[:, None])
            logits = logits + to_change
            logits = logits.masked_fill(~self.is_legal[voice], RULED_OUT)
        return logits.scatter_add(1, held_class, self.hold[voice.name](seen.place).float())

    def _harmony(self, voice: Voice, weights: Tensor, seen: "Seen", is_known: Tensor) -> tuple[Tensor, Tensor]:
        """Return what harmony adds to the notes that a voice may change to, (N, 90), and to the held one, (N,)."""
        before, n = seen.before, len(weights)
        held = before[:, voice, features.NOTE]
        last_notes = before[:, : Voice.NO, features.NOTES :]  # (N, 3, 8)
        counts = torch.zeros(n, ear.N_PITCHED, ear.N_PITCH_CLASSES, device=weights.device)
        is_note = (last_notes > 0).float() / features.N_NOTES
        counts = counts.scatter_add(2, last_notes % ear.N_PITCH_CLASSES, is_note)
        own_and_others = torch.stack([counts[:, voice], counts.sum(1) - counts[:, voice]], 1)
        turned = torch.cat([self._turned(own_and_others), seen.harmony], 2)  # (N, 12, N_COLOURS * 12)
        filters = weights[:, ear.OF_COLOURS : ear.HELD_OF_OTHERS]
        by_pitch_class = torch.einsum("npk,nk->np", turned, filters)
        first_sounding = (last_notes[:, voice] > 0).float().argmax(1, keepdim=True)
        last = last_notes[:, voice].gather(1, first_sounding)[:, 0]
        lowest, highest = NOTE_RANGE[voice]
        notes = torch.arange(lowest, highest + 1, device=weights.device) % ear.N_PITCH_CLASSES
        to_change = functional.pad(by_pitch_class[:, notes], (1, N_CLASSES - len(notes) - 1))
        to_change = to_change + self._at_intervals(voice, last, weights[:, : ear.OF_OTHERS])
        place = held % ear.N_PITCH_CLASSES
        rows = torch.stack([seen.harmony.unflatten(2, (ear.N_EAR, -1))[:, :, row] for row in ear.HELD_ROWS], 2)
        rows = rows[torch.arange(n, device=weights.device), place].flatten(1)  # (N, 36): turned to the held note
        to_hold = (rows * weights[:, ear.HELD_OF_ROWS :]).sum(1)
        for i, other in enumerate(ear.others_of(voice)):
            note = torch.where(
                is_known[:, other], seen.target[:, other, features.NOTE], before[:, other, features.NOTE]
            )
            at = ear.OF_OTHERS + i * ear.N_INTERVALS
            to_change = to_change + self._at_intervals(voice, note, weights[:, at : at + ear.N_INTERVALS])
            at = ear.HELD_OF_OTHERS + i * ear.N_PITCH_CLASSES
            of_held = weights[:, at : at + ear.N_PITCH_CLASSES].gather(
                1, ((held - note) % ear.N_PITCH_CLASSES)[:, None]
            )
            to_hold = to_hold + torch.where(note > 0, of_held[:, 0], 0.0)
        return to_change, to_hold

    def _at_intervals(self, voice: Voice, note: Tensor, table: Tensor) -> Tensor:
        """Read a table, (N, N_INTERVALS), at the interval of a voice's classes over a note, (N,), if there is one."""
        return table.gather(1, self.interval[voice][note]) * ((note > 0)[:, None] & self.is_pitch[voice])


class Losses(NamedTuple):
    """Negative log-likelihoods in nats, each (N, 4)."""

    note: Tensor
    volume: Tensor
    timbre: Tensor
    which: Tensor
    """Of a note given that the voice changes, where it is a turn, and 0 elsewhere."""


class Seen(NamedTuple):
    """The inputs of the heads for N frames, looked up once for all voices; sums of table rows are by voice."""

    before: Tensor  # (N, 4, 19)
    target: Tensor  # (N, 4, 19)
    proposals: Tensor  # (N, 4, 4, 6)
    known: dict[Voice, Tensor]  # (N, n_known): a voice of the frame, as the others see it
    own: dict[Voice, Tensor]  # (N, n_own): what the voice did last, and what the memory proposes for it
    new: dict[Voice, Tensor]  # (N, n_after_note): its new note, to predict volume and timbre
    volume: dict[Voice, Tensor]  # (N, n_timbre_hidden): its new volume, to predict the timbre
    performed: Tensor  # (N,)
    place: Tensor  # (N,)
    harmony: Tensor  # (N, 12, N_EAR * 12): what is heard of the harmony, as filters take it


def _class_intervals() -> NDArray[np.int64]:
    """Return, for each pitched voice, which entry of a table stands for the interval of its classes over each note."""
    classes = np.full((ear.N_PITCHED, features.N_NOTE_VALUES, N_CLASSES), ear.MAX_INTERVAL, np.int64)
    for voice in range(ear.N_PITCHED):
        lowest, highest = NOTE_RANGE[Voice(voice)]
        classes[voice, :, 1 : highest - lowest + 2] = ear.INTERVAL[:, lowest : highest + 1]
    return classes


def _for_each(voices: Iterable[Voice], layer: Callable[[], nn.Module]) -> nn.ModuleDict:
    return nn.ModuleDict({voice.name: layer() for voice in voices})


def _new_rows(before: Tensor, target: Tensor) -> Tensor:
    is_changed = target[..., features.NOTE] != before[..., features.NOTE]
    rows = [features.NEW_NOTE + target[..., features.NOTE], features.NEW_CHANGED + is_changed]
    return _of_voices(torch.stack(rows, 2), features.N_NEW_ROWS)


def _of_voices(rows: Tensor, n_rows: int) -> Tensor:
    """Turn rows of the tables of each voice, (N, 4, k), into rows of one table: the four tables one after another."""
    return rows + torch.arange(N_VOICES, device=rows.device)[:, None] * n_rows
