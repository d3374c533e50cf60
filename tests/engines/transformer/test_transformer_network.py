"""The network at play: what words lead to does not depend on how they are heard, or what else was heard meanwhile."""

from dataclasses import replace

import numpy as np
import pytest
from transformer_weights import SMALL, random_arrays, random_engine

from livegen.engines.cache import Cache
from livegen.engines.transformer.hearing import REACH
from livegen.engines.transformer.layers import N_LANES
from livegen.engines.transformer.network import Network, Node
from livegen.engines.transformer.words import N_WORDS


def some_words(n: int, seed: int = 1) -> list[int]:
    return np.random.default_rng(seed).integers(1, N_WORDS, n).tolist()


def new_network() -> Network:
    return Network.from_arrays(SMALL, random_arrays())


def one_by_one(network: Network, words: list[int], node: Node | None = None) -> list[Node]:
    nodes = [network.root if node is None else node]
    for word in words:
        nodes.append(network.after(nodes[-1], [word]))
    return nodes[1:]


def test_words_at_once_are_the_words_one_by_one_to_the_bit() -> None:
    words = some_words(300)
    each, network = one_by_one(new_network(), words), new_network()
    node = network.root
    for begin, end in ((0, 1), (1, 40), (40, 47), (47, 230), (230, 300)):
        node = network.after(node, words[begin:end])
        assert np.array_equal(node.logits, each[end - 1].logits)
        assert node.key == each[end - 1].key


def test_branches_change_nothing_for_each_other() -> None:
    network, words = new_network(), some_words(120)
    nodes = one_by_one(network, words)
    kept = [node.logits.copy() for node in nodes]
    for place in (3, 15, 16, 40, 90):
        for seed in range(3):  # drafts that are thrown away
            one_by_one(network, some_words(25, seed + 5), nodes[place])
    assert all(np.array_equal(node.logits, was) for node, was in zip(nodes, kept, strict=True))
    for place in (3, 15, 16, 40, 90):
        cold = new_network()
        on = some_words(30, 9)
        branch = one_by_one(network, on, nodes[place])[-1]
        assert np.array_equal(branch.logits, cold.after(cold.root, [*words[: place + 1], *on]).logits)
        again = network.after(nodes[place], words[place + 1 :])
        assert np.array_equal(again.logits, kept[-1])


def test_going_back_and_on_again_from_anywhere_is_what_it_was() -> None:
    network, words = new_network(), some_words(200)
    nodes = one_by_one(network, words)
    network = replace(network, nodes=Cache(0))  # nothing is found again: all is computed
    for place in (150, 10, 190, 64, 65):
        on = network.after(nodes[place], words[place + 1 :])
        assert np.array_equal(on.logits, nodes[-1].logits)


def test_words_far_back_are_let_go_in_the_same_place_however_they_are_heard() -> None:
    words = some_words(3 * REACH + 40)
    quick, slow = new_network(), new_network()
    node = quick.after(quick.root, words)
    assert len(node.pages.pages) <= SMALL.n_context // N_LANES + 1
    other = slow.root
    for begin in range(0, len(words), 331):
        other = slow.after(other, words[begin : begin + 331])
    assert np.array_equal(node.logits, other.logits)


def test_log_probabilities_are_those_of_word_after_word() -> None:
    network, words = new_network(), some_words(50)
    found, node = network.log_probs(network.root, words)
    before = [network.root, *one_by_one(network, words)]
    for place, word in enumerate(words):
        logits = before[place].logits.astype(np.float64)
        assert found[place] == pytest.approx(logits[word] - np.log(np.exp(logits).sum()), abs=1e-9)
    assert np.array_equal(node.logits, before[-1].logits)


def test_it_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    from livegen.engines.transformer import hearing
    from livegen.training.transformer.network import Batch
    from livegen.training.transformer.network import Network as Reference

    words = some_words(150)
    song = np.array([0, *words], np.int16)
    n = len(song)
    heard = hearing.new_heard(n)
    hearing.hear_song(heard, song)
    rows = np.empty((n, hearing.N_ROWS), np.int32)
    proposals = np.empty((n, hearing.N_PROPOSED, 2), np.int32)
    colours = np.empty((n, hearing.N_COLOURS, hearing.N_PITCH_CLASSES), np.float32)
    waits = np.empty((n, hearing.N_WAITS_TOLD), np.int32)
    hearing.look_back(heard, 0, rows, proposals, colours, waits)
    arrays = [
        rows.astype(np.int64),
        heard.time / 735.0,
        proposals.astype(np.int64),
        colours,
        waits.astype(np.int64),
        heard.note[:, :3].astype(np.int64),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
    ]
    reference = Reference(SMALL)
    reference.load_state_dict({name: torch.from_numpy(array) for name, array in random_arrays().items()})
    with torch.no_grad():
        expected = reference(Batch(*(torch.from_numpy(np.ascontiguousarray(array))[None] for array in arrays)))[0]
    network = new_network()
    found = [network.root, *one_by_one(network, words)]
    assert np.abs(np.array([node.logits for node in found]) - expected.numpy()).max() < 1e-4


def test_engines_with_the_same_weights_play_from_each_others_states() -> None:
    one, other = random_engine(), random_engine()
    node = one.network.after(one.network.root, some_words(70))
    on = some_words(20, 4)
    assert np.array_equal(one.network.after(node, on).logits, other.network.after(node, on).logits)
