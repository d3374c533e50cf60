import numpy as np
import pytest
from songs import song
from vae_weights import random_arrays, small_config

torch = pytest.importorskip("torch")

from livegen.beat import Beat  # noqa: E402
from livegen.engines.protocol import Sampling  # noqa: E402
from livegen.engines.vae.vae import Link, VaeDistribution, VaeEngine  # noqa: E402
from livegen.score import Voice  # noqa: E402
from livegen.training.vae.decode import accuracy, decode  # noqa: E402
from livegen.training.vae.finish import finished  # noqa: E402
from livegen.training.vae.network import Network, batch_of, seen_rows  # noqa: E402
from livegen.training.windows import windows_of  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=[tuple(Voice), (Voice.P1,), (Voice.P2, Voice.NO)], ids=str)
def both(request):
    config = small_config(request.param)
    arrays = random_arrays(config)
    network = Network(config)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network.eval(), VaeEngine.from_arrays("random", config, arrays)


@pytest.fixture(scope="module")
def windows():
    found = windows_of([(song(i, 400), Beat(12.0, 0.0)) for i in range(3)])
    return found.take(np.arange(len(found)))


def only(windows, voices):
    kept = np.zeros_like(windows)
    kept[:, :, list(voices)] = windows[:, :, list(voices)]
    return kept


def test_the_arrays_are_those_of_the_configuration(both):
    network, engine = both
    assert {name: tuple(array.shape) for name, array in network.state_dict().items()} == engine.config.shapes()


def test_the_engine_encodes_and_plans_as_the_network_does(both, windows):
    network, engine = both
    windows = only(windows, engine.config.voices)
    with torch.no_grad():
        means, _ = network.encode(torch.from_numpy(seen_rows(windows)))
        z = torch.randn(3, engine.config.n_latents, generator=torch.Generator().manual_seed(0))
        states, plans = network.plan_of(z)
    n_named = engine.config.n_named
    for window, mean in zip(windows, means.numpy(), strict=True):
        assert engine.encode(window)[n_named:] == pytest.approx(mean, abs=1e-4)
    for i in range(3):
        plan = engine.plan(z[i].numpy())
        assert plan.state == pytest.approx(states[i].numpy(), abs=1e-4)
        assert plan.plan == pytest.approx(plans[i].numpy(), abs=1e-4)


def test_the_engine_expects_of_every_step_what_the_network_does(both, windows):
    network, engine = both
    window = only(windows[:1], engine.config.voices)
    shown = np.zeros((1, 96, 4), np.bool_)
    batch = batch_of(window, np.zeros((1, 4, 3), np.uint8), shown, shown, CPU)
    where = engine.initial_state().where
    z = torch.from_numpy(engine.place(where, 0))[None]
    link, order = None, [Voice.TR, Voice.P1, Voice.NO, Voice.P2]
    with torch.no_grad():
        h = network.decode(*network.plan_of(z), batch.inputs)
        for t in range(96):
            last = window[0, t - 1] if t else np.zeros((4, 3), np.uint8)
            bar = window[0, t - 48, :, 0].tobytes() if t >= 48 else bytes([109] * 4)
            link = Link.after(link, where, t, last.tobytes(), bar)
            if t % 7:
                continue
            expected = VaeDistribution(engine, (link,), window[0], None)
            for place, voice in enumerate(order):
                if voice not in engine.config.voices:
                    continue
                known = np.array([u in order[:place] for u in Voice])
                is_known = torch.from_numpy(known).expand(1, 96, -1)
                units = network.head_units(voice, h, batch, is_known)
                logits = network.note_logits(voice, units, batch.own[:, :, voice])[0, t]
                got = expected.note_log_probs(voice, window[0, t], known)
                ours = got[np.isfinite(got)]
                assert ours == pytest.approx(torch.log_softmax(logits, 0)[: len(ours)].numpy(), abs=1e-4)


def test_a_window_that_is_decoded_has_the_likelihood_of_its_draws(both):
    """Volumes and timbres too: what the kernels draw at a temperature near 0 is what the network finds likeliest."""
    network, engine = both
    z = np.zeros(engine.config.n_latents, np.float32)
    window = engine.decode(z, Sampling(temperature=0.0), 0)
    shown = np.zeros((1, 96, 4), np.bool_)
    hidden = shown.copy()
    hidden[:, 0] = True
    batch = batch_of(window[None], np.zeros((1, 4, 3), np.uint8), hidden, shown, CPU)
    in_order = torch.ones(4, 4).tril(-1).bool()
    with torch.no_grad():
        h = network.decode(*network.plan_of(torch.from_numpy(z)[None]), batch.inputs)
        for voice in engine.config.voices:
            if voice is Voice.TR:
                continue
            note, volume, timbre = batch.target[:, :, voice].unbind(-1)
            units = network.head_units(voice, h, batch, in_order[voice].expand(1, 96, -1))
            changed = batch.changed[:, :, voice]
            sounds = note > 0
            volumes = network.volume_logits(voice, units, note, changed).argmax(-1)
            timbres = network.timbre_logits(voice, units, note, changed, volume).argmax(-1)
            assert (volumes == volume)[sounds].float().mean() > 0.98
            assert (timbres == timbre)[sounds].float().mean() > 0.98


def test_a_finished_network_says_the_same_with_its_latents_in_order(both, windows):
    network, engine = both
    found = windows_of([(only(song(i, 400)[None], engine.config.voices)[0], Beat(12.0, 0.0)) for i in range(4)])
    other = Network(engine.config)
    other.load_state_dict(finished(network, found))
    seen = torch.from_numpy(seen_rows(found.take(np.arange(len(found)))))
    named = torch.zeros(len(seen), engine.config.n_named)
    with torch.no_grad():
        old, new = network.encode(seen)[0], other.eval().encode(seen)[0]
        one, same = (n.plan_of(torch.cat([named, mean], 1))[1] for n, mean in ((network, old), (other, new)))
    assert same.numpy() == pytest.approx(one.numpy(), abs=1e-3)
    assert new.mean(0).numpy() == pytest.approx(0.0, abs=1e-2)
    assert new.std(0).max() == pytest.approx(1.0, abs=0.05)


def test_accuracy_counts_steps_and_changes_and_tells_what_copying_gives():
    truth = np.zeros((1, 96, 4, 3), np.uint8)
    truth[0, 48:, 0, 0] = 60
    assert accuracy(truth, truth, (Voice.P1,)) == pytest.approx((1.0, 1.0, 94 / 95))
    assert accuracy(np.zeros_like(truth), truth, (Voice.P1,)) == pytest.approx((47 / 95, 0.0, 94 / 95))
    network = Network(small_config())
    decoded = decode(network, torch.zeros(2, network.config.n_latents))
    assert decoded.shape == (2, 96, 4, 3)
    assert (decoded[0] == decoded[1]).all()
