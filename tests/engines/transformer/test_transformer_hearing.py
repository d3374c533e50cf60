"""What the Transformer hears of the words so far."""

import numpy as np
import pytest

from livegen.engines.transformer import hearing
from livegen.engines.transformer.hearing import (
    N_COLOURS,
    N_COPIES,
    N_INPUT_ROWS,
    N_PITCH_CLASSES,
    N_PROPOSED,
    N_ROWS,
    N_WAITS_TOLD,
    NOWHERE,
    hear,
    look,
    new_heard,
)
from livegen.engines.transformer.words import (
    FIRST_OWN,
    FIRST_WAIT,
    LOWEST,
    N_WAITS,
    N_WORDS,
    NOTE_OF,
    SAMPLES_OF,
    VOICE_OF,
    wait_word,
)
from livegen.formats.words.vocabulary import WAITS, vocabulary
from livegen.score import Voice

BEAT = "WT_22000"  # 30 ticks


def numbers(text: str) -> list[int]:
    known = {word: number for number, word in enumerate(vocabulary())}
    return [known[word] for word in text.split()]


def told(words: list[int]) -> tuple[np.ndarray, dict[str, list[int]], np.ndarray]:
    """Return the input rows after some words, the rows of weights of each word that is proposed, and the colours."""
    heard = new_heard(len(words))
    for at, word in enumerate(words):
        hear(heard, at, word)
    rows, proposals = np.empty(N_ROWS, np.int32), np.empty((N_PROPOSED, 2), np.int32)
    colours = np.empty((N_COLOURS, N_PITCH_CLASSES), np.float32)
    look(heard, len(words) - 1, rows, proposals, colours, np.empty(N_WAITS_TOLD, np.int32))
    proposed: dict[str, list[int]] = {}
    for word, row in proposals.tolist():
        if row != NOWHERE:
            proposed.setdefault(vocabulary()[word], []).append(row)
    return rows, proposed, colours


def test_words_know_their_voice_note_and_length() -> None:
    for number, word in enumerate(vocabulary()):
        voice = next((voice for voice in Voice if word.startswith(voice.name)), None)
        assert VOICE_OF[number] == (-1 if voice is None else voice)
        assert NOTE_OF[number] == (int(word.split("_")[-1]) if "NOTEON" in word else 0)
    assert all(vocabulary()[FIRST_OWN[voice] + 1] == f"{voice.name}_NOTEON_{LOWEST[voice]}" for voice in Voice)


def test_a_wait_is_the_nearest_word() -> None:
    waits = np.array(WAITS)
    for samples in [*range(1, 3_000), *range(3_000, 120_000, 37)]:
        assert abs(waits[wait_word(samples) - FIRST_WAIT] - samples) == np.abs(waits - samples).min()
    assert all(wait_word(int(SAMPLES_OF[FIRST_WAIT + i])) == FIRST_WAIT + i for i in range(N_WAITS))


def test_a_voice_goes_on_as_it_did_whatever_the_others_play() -> None:
    tune = f"P1_NOTEON_60 {BEAT} P1_NOTEON_64 TR_NOTEON_40 {BEAT} P1_NOTEON_67 {BEAT}"
    _, proposed, _ = told([0, *numbers(f"{tune} NO_NOTEON_3 {BEAT} P1_NOTEON_60 {BEAT} NO_NOTEOFF")])
    assert "P1_NOTEON_64" in proposed  # though no two words of it came one after another before
    _, proposed, _ = told([0, *numbers(f"{tune} NO_NOTEON_3 {BEAT} P1_NOTEON_60 NO_NOTEOFF")])
    assert BEAT in proposed  # which it waits for


def test_a_rhythm_comes_again_with_other_notes() -> None:
    _, proposed, _ = told([0, *numbers(f"P1_NOTEON_60 WT_4400 P1_NOTEON_62 {BEAT} P1_NOTEON_50 WT_4400 P1_NOTEON_51")])
    assert BEAT in proposed


def test_a_pulse_echoes_the_other() -> None:
    _, proposed, _ = told([0, *numbers(f"P1_NOTEON_60 {BEAT} P1_NOTEON_64 {BEAT} P1_NOTEON_67 P2_NOTEON_60 {BEAT}")])
    assert "P2_NOTEON_64" in proposed
    _, proposed, _ = told([0, *numbers(f"P1_NOTEON_60 {BEAT} P1_NOTEON_64 {BEAT} P1_NOTEON_67 TR_NOTEON_60 {BEAT}")])
    assert "TR_NOTEON_64" not in proposed


def test_the_word_after_the_longest_match_comes_first() -> None:
    words = numbers("TR_NOTEON_40 NO_NOTEON_3 P1_NOTEON_60 NO_NOTEON_3 P1_NOTEON_72 TR_NOTEON_40 NO_NOTEON_3")
    heard = new_heard(9)
    for at, word in enumerate([0, *words]):
        hear(heard, at, word)
    rows, proposals = np.empty(N_ROWS, np.int32), np.empty((N_PROPOSED, 2), np.int32)
    colours, waits = np.empty((N_COLOURS, N_PITCH_CLASSES), np.float32), np.empty(N_WAITS_TOLD, np.int32)
    look(heard, 7, rows, proposals, colours, waits)
    last = proposals[-2 * hearing.N_AGAIN : -hearing.N_AGAIN]
    assert [vocabulary()[word] for word in last[:2, 0]] == ["P1_NOTEON_60", "P1_NOTEON_72"]
    assert (last[:2, 1] >= 0).all()
    assert (last[2:, 1] == NOWHERE).all()


def test_a_texture_comes_again_with_other_notes() -> None:
    bar = "P1_NOTEON_{0} WT_3 TR_NOTEON_{1} WT_5100 P1_NOTEOFF WT_7 P2_NOTEON_{0} WT_2500"
    for n_left_out, expected in ((1, "WT_2500"), (3, "WT_7"), (4, "P1_NOTEOFF"), (7, "WT_3")):
        words = numbers(f"{bar.format(60, 40)} NO_NOTEON_1 {bar.format(65, 44)}")[:-n_left_out]
        assert expected in told([0, *words])[1]


def test_going_back_is_a_shorter_length() -> None:
    generator = np.random.default_rng(3)
    words = [0, *numbers(" ".join(generator.choice(["P1_NOTEON_60", "P1_NOTEOFF", "TR_NOTEON_40", BEAT], 80)))]
    straight, turned_back = new_heard(len(words)), new_heard(len(words))
    for at, word in enumerate(words):
        hear(straight, at, word)
    for at, word in enumerate([*words[:50], *numbers("NO_NOTEON_3 " * 20)]):
        hear(turned_back, at, word)
    for at in range(50, len(words)):
        hear(turned_back, at, words[at])
    for one, other in zip(straight, turned_back, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_within_their_tables(seed: int) -> None:
    generator = np.random.default_rng(seed)
    words = np.append(0, generator.integers(1, N_WORDS, 300))
    words[50:100] = words[:50]
    heard = new_heard(len(words))
    for at, word in enumerate(words.tolist()):
        hear(heard, at, word)
    rows, proposals = np.empty((301, N_ROWS), np.int32), np.empty((301, N_PROPOSED, 2), np.int32)
    colours = np.empty((301, N_COLOURS, N_PITCH_CLASSES), np.float32)
    waits = np.empty((301, N_WAITS_TOLD), np.int32)
    hearing.look_back(heard, 0, rows, proposals, colours, waits)
    assert set(waits.ravel().tolist()) <= {0, *range(FIRST_WAIT, FIRST_WAIT + N_WAITS)}
    assert waits.any(0).all()
    assert rows.min() >= 0
    assert rows.max() < N_INPUT_ROWS
    assert proposals[..., 1].min() >= NOWHERE
    assert proposals[..., 1].max() < N_COPIES
    assert proposals[..., 0].min() >= 0
    assert proposals[..., 0].max() < N_WORDS
    assert all(len(np.unique(row)) == N_ROWS for row in rows)  # each of a kind of its own
    assert colours.min() >= 0.0
    assert colours.max() <= 1.0
