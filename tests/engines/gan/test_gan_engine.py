import math
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from gan_weights import CONFIG, arrays, write_gan

from livegen.beat import Beat
from livegen.controls import DEFAULTS
from livegen.engines.checkpoint import load_engine
from livegen.engines.gan.engine import GanEngine, GanState
from livegen.engines.gan.knobs import Knobs, first_plan
from livegen.engines.gan.loops import Shape, chroma_of, shift_of
from livegen.engines.protocol import Conditions, MakesAhead, Performer, Sampling, own_knobs
from livegen.errors import CheckpointError
from livegen.performance.performance import begin
from livegen.score import NOTE_RANGE, SILENCE, Voice, validate_frames

NOBODY_IS_FORCED = np.zeros(4, bool)
PLAIN = Sampling(harmony=0.0)
PLAIN_LOOP = {"loop_bars": 2, "every": 0, "truncation": 1.0}


def engine() -> GanEngine:
    return GanEngine.from_arrays("tiny", CONFIG, arrays())


def play(
    player: GanEngine,
    n_frames: int,
    *,
    state: GanState | None = None,
    period: float | None = None,
    sampling: Sampling = PLAIN,
    seed: int = 1,
    forced: np.ndarray = SILENCE,
    is_forced: np.ndarray = NOBODY_IS_FORCED,
    knobs=None,
    **told,
) -> tuple[np.ndarray, GanState]:
    """Return the frames that are played, and the state after them; knobs are a function of the frame."""
    state, frame, frames = state or player.initial_state(), SILENCE, []
    for i in range(n_frames):
        beat = Beat(period, (i - 1) / period % 1.0) if period else None
        conditions = Conditions(beat=beat, knobs=PLAIN_LOOP | (knobs(i) if knobs else {}), **told)
        distribution, state = player.step(frame, state, conditions)
        frame = distribution.sample(forced, is_forced, sampling, seed=seed, frame_index=i)
        frames.append(frame)
    return np.array(frames), state


def notes(frames: np.ndarray) -> np.ndarray:
    return frames[..., 0]


def test_a_loop_repeats_exactly_and_is_valid():
    frames, _ = play(engine(), 3 * 96)
    validate_frames(frames)
    assert notes(frames).any()
    assert (frames[:96] == frames[96:192]).all()
    assert (frames[:96] == frames[192:]).all()


@pytest.mark.parametrize("bars", [4, 8])
def test_longer_loops(bars):
    frames, _ = play(engine(), 2 * bars * 48, knobs=lambda _: {"loop_bars": bars})
    assert (frames[: bars * 48] == frames[bars * 48 :]).all()
    assert (frames[:96] != frames[96:192]).any()


def test_the_same_again_and_from_a_state_and_in_another_engine():
    one, _ = play(engine(), 150)
    assert (one == play(engine(), 150)[0]).all()
    player = engine()
    _, state = play(player, 100)
    distribution, _ = player.step(one[99], state)
    again = distribution.sample(SILENCE, NOBODY_IS_FORCED, PLAIN, seed=1, frame_index=7)
    assert (again == one[100]).all()
    assert (play(player, 96, seed=2)[0] != one[:96]).any()


def test_knobs_set_before_the_start_count_from_the_first_frame():
    begun = begin(engine(), {**DEFAULTS, "gan.loop": 5}, seed=1)
    plan = begun.timeline.tail.state.plan
    assert plan == first_plan(Knobs(loop=5), ())
    assert plan != first_plan(Knobs(), ())


def test_what_is_made_ahead_is_what_is_made_on_time():
    player, on_time = engine(), engine()
    conditions = Conditions(knobs=PLAIN_LOOP | {"loop": 5})
    assert isinstance(player, MakesAhead)
    player.prepare(player.initial_state(), conditions, 1, PLAIN)
    a, _ = play(player, 96, knobs=lambda _: {"loop": 5})
    b, _ = play(on_time, 96, knobs=lambda _: {"loop": 5})
    assert (a == b).all()


@pytest.mark.parametrize("period", [7.3, 9.0, 12.0, 17.7, 30.0])
def test_steps_lie_on_the_beat_at_any_tempo(period):
    """Of each attack of the loop, its note is played in the frame nearest to its time."""
    player, calm = engine(), replace(PLAIN, density=(-1.5,) * 4)
    frames, state = play(player, int(8 * period), period=period, sampling=calm)
    loop = player.loops.loop(state.plan, Shape.of(calm), 1)
    alone = [np.roll(loop.attacks, by, 0) for by in (-3, -2, -1, 1, 2, 3)]
    found = np.argwhere(loop.attacks & ~np.any(alone, 0))
    assert len(found) > 8
    for step, voice in found:
        frame = round(step / 12 * period)
        if 1 <= frame < len(frames) - 1:
            near = notes(frames)[max(frame - 1, 0) : frame + 2, voice]
            assert loop.steps[step, voice, 0] in near, (step, voice)


def test_a_beat_that_leaps_is_followed_and_nothing_raises():
    player, state, frame = engine(), engine().initial_state(), SILENCE
    generator = np.random.default_rng(0)
    for i in range(300):
        beat = (
            Beat(float(generator.uniform(1.0, 40.0)), float(generator.random())) if generator.random() < 0.8 else None
        )
        bar = None if beat is None or i % 3 else Beat(4 * beat.period_frames, float(generator.random()))
        distribution, state = player.step(frame, state, Conditions(beat=beat, bar=bar, knobs=PLAIN_LOOP))
        frame = distribution.sample(SILENCE, NOBODY_IS_FORCED, Sampling(), seed=3, frame_index=i)
        assert -1 / 24 - 1e-9 <= state.at < 8
        if bar is not None:
            off = (state.at - 4 * bar.after(1).phase) % 4
            assert min(off, 4 - off) < 1e-6
        elif beat is not None:
            off = (state.at - beat.after(1).phase) % 1
            assert min(off, 1 - off) < 1e-6


def test_a_voice_that_is_played_is_kept_and_the_others_do_not_care_without_harmony():
    player = engine()
    forced = np.zeros((4, 3), np.uint8)
    forced[Voice.P2] = (61, 9, 1)
    is_forced = np.array([False, True, False, False])
    alone, _ = play(player, 60)
    beside, _ = play(player, 60, forced=forced, is_forced=is_forced)
    assert (beside[:, Voice.P2] == forced[Voice.P2]).all()
    others = [Voice.P1, Voice.TR, Voice.NO]
    assert (beside[:, others] == alone[:, others]).all()


def test_with_harmony_what_is_struck_does_not_clash():
    player = engine()
    forced = np.zeros((4, 3), np.uint8)
    forced[Voice.P2] = (61, 9, 1)
    is_forced = np.array([False, True, False, False])
    frames, _ = play(player, 96, forced=forced, is_forced=is_forced, sampling=Sampling(harmony=1.0))
    for voice in (Voice.P1, Voice.TR):
        sounding = notes(frames)[:, voice][notes(frames)[:, voice] > 0].astype(int)
        assert len(sounding)
        assert not np.isin((sounding - 61) % 12, (1, 2, 6, 10, 11)).any()


@pytest.mark.parametrize(("voice", "end"), [(Voice.P1, 0), (Voice.P2, 0), (Voice.TR, 0), (Voice.P1, 1), (Voice.TR, 1)])
def test_a_note_that_goes_out_of_the_way_stays_within_the_voices_range(voice, end):
    """With the registers as the live controls have them, 0 to 108 for each voice."""
    edge = NOTE_RANGE[voice][end]
    lowest, highest = [0] * 4, [108] * 4
    (highest if end == 0 else lowest)[voice] = edge  # it plays its last note and no other
    forced, is_forced = np.zeros((4, 3), np.uint8), np.arange(4) == (Voice.P2 if voice is Voice.P1 else Voice.P1)
    clashing = Performer(tuple(is_forced.tolist()))
    for semitones in (1, 2):
        forced[is_forced] = edge + 24 - semitones if end == 0 else edge - 24 + semitones, 9, 1
        sampling = Sampling(harmony=3.0, lowest=tuple(lowest), highest=tuple(highest))
        frames, _ = play(engine(), 60, forced=forced, is_forced=is_forced, sampling=sampling, performer=clashing)
        validate_frames(frames)
        assert set(np.unique(notes(frames)[:, voice])) <= {0, edge}


def test_knobs_take_effect_at_the_seam():
    player = engine()
    frames, _ = play(player, 192, knobs=lambda i: {"loop": 4 if i > 30 else 3})
    three, _ = play(player, 96, knobs=lambda _: {"loop": 3})
    four, _ = play(player, 96, knobs=lambda _: {"loop": 4})
    assert (frames[:96] == three).all()
    assert (frames[96:] == four).all()
    assert (three != four).any()


def test_a_numbered_loop_is_the_same_for_every_seed_but_for_its_key():
    player = engine()
    one, _ = play(player, 96, knobs=lambda _: {"loop": 3}, seed=1)
    other, _ = play(player, 96, knobs=lambda _: {"loop": 3}, seed=2)
    assert (one[:, Voice.NO] == other[:, Voice.NO]).all()
    assert ((one[..., 0] > 0) == (other[..., 0] > 0)).all()


def test_a_variation_changes_one_voice_and_a_lock_keeps_one():
    player = engine()
    before, _ = play(player, 96)
    variationed, _ = play(player, 96, knobs=lambda _: {"p1.variation": 1})
    others = [Voice.P2, Voice.TR, Voice.NO]
    assert (variationed[:, Voice.P1] != before[:, Voice.P1]).any()
    assert (variationed[:, Voice.NO] == before[:, Voice.NO]).all()
    assert ((variationed[:, others, 0] > 0) == (before[:, others, 0] > 0)).all()
    frames, _ = play(player, 192, knobs=lambda i: {"no.lock": True, "loop": 7 if i > 5 else 0})
    assert (frames[96:, Voice.NO] == frames[:96, Voice.NO]).all()
    assert (frames[96:, Voice.P1] != frames[:96, Voice.P1]).any()


def test_a_new_loop_comes_by_itself_if_asked():
    player = engine()
    frames, _ = play(player, 4 * 96, knobs=lambda _: {"every": 4})
    assert (frames[:96] == frames[96:192]).all()
    assert (frames[192:288] != frames[:96]).any()
    assert (frames[192:288] == frames[288:]).all()


def test_a_morph_over_repeats_leads_from_one_loop_to_the_other():
    player = engine()

    def knobs(i):
        return {"loop": 1, "to": 2, "morph": 1.0 if i > 0 else 0.0, "repeats": 3}

    frames, state = play(player, 5 * 96, knobs=knobs)
    loops = frames.reshape(5, 96, 4, 3)
    first, _ = play(player, 96, knobs=lambda _: {"loop": 1})
    last, _ = play(player, 96, knobs=lambda _: {"loop": 2})
    assert (loops[0] == first).all()
    assert ((loops[3][..., 0] > 0) == (last[..., 0] > 0)).all()
    assert (loops[3] == loops[4]).all()
    assert state.plan.morph == 1.0
    assert not (loops[1] == loops[0]).all()
    assert not (loops[1] == loops[3]).all()


def test_at_truncation_0_all_loops_are_one():
    player = engine()
    one, _ = play(player, 96, knobs=lambda _: {"loop": 1, "truncation": 0.0})
    other, _ = play(player, 96, knobs=lambda _: {"loop": 2, "truncation": 0.0})
    assert (one == other).all()


def test_it_goes_into_the_performers_key_at_the_seam():
    player = engine()
    scale = [60, 62, 64, 65, 67, 69, 71]

    def shift(up: int) -> int:
        player_keys = Performer((True, False, False, False), tuple(note + up for note in scale))
        _, state = play(player, 200, performer=player_keys, is_forced=np.array([True, False, False, False]))
        loop = player.loops.loop(replace(state.plan, chroma=()), Shape.of(PLAIN), 1)
        return shift_of(chroma_of(loop.steps), state.plan.chroma, 0xFFF, 1)

    shifts = [shift(up) for up in range(12)]
    assert {(b - a) % 12 for a, b in pairwise(shifts)} == {1}


@pytest.mark.parametrize("scale", [0b101010110101, 0b1, 0])
def test_notes_keep_to_scale_and_register(scale):
    sampling = Sampling(scale=scale, lowest=(50, 40, 30, 3), highest=(70, 60, 50, 9))
    frames, _ = play(engine(), 96, sampling=sampling)
    for voice in Voice:
        sounding = notes(frames)[:, voice][notes(frames)[:, voice] > 0]
        assert len(sounding)
        assert sounding.min() >= sampling.lowest[voice]
        assert sounding.max() <= sampling.highest[voice]
        if voice is not Voice.NO and scale:
            assert all(scale >> note % 12 & 1 for note in sounding.tolist())


def test_density_and_silence_are_heeded():
    player = engine()
    busy, _ = play(player, 96, sampling=replace(PLAIN, density=(3.0,) * 4))
    calm, _ = play(player, 96, sampling=replace(PLAIN, density=(-3.0,) * 4))
    changes = [(np.diff(notes(frames).astype(int), axis=0) != 0).sum() for frames in (busy, calm)]
    assert changes[0] > changes[1]
    silent, _ = play(player, 96, sampling=replace(PLAIN, silence=(50.0,) * 4))
    assert not silent.any()


def test_with_a_grid_notes_are_struck_on_sixteenths():
    player = engine()
    _, state = play(player, 1)
    loose, strict = (player.loops.loop(state.plan, Shape.of(replace(PLAIN, grid=grid)), 1) for grid in (0.0, 50.0))
    pitched = slice(0, 3)  # an attack of a louder volume under a note that lasts is none of the gate's
    off = [(np.diff(loop.steps[:, pitched, 0].astype(int), axis=0) != 0) for loop in (loose, strict)]
    struck = [is_new & (loop.steps[1:, pitched, 0] > 0) for is_new, loop in zip(off, (loose, strict), strict=True)]
    begun = [is_new & (loop.steps[:-1, pitched, 0] > 0) for is_new, loop in zip(struck, (loose, strict), strict=True)]
    places = [set((np.argwhere(each)[:, 0] + 1) % 3) for each in begun]
    assert places[0] == {0, 1, 2}
    assert places[1] == {0}


@pytest.mark.parametrize(
    "knobs",
    [
        {"loop": -3, "loop_bars": 99.0, "morph": "x", "every": 10**9, "p1.variation": 2**40, "truncation": 7},
        dict.fromkeys(own_knobs("gan", DEFAULTS), math.nan),
        dict.fromkeys(own_knobs("gan", DEFAULTS), math.inf),
    ],
)
def test_it_plays_whatever_the_knobs_hold(knobs):
    frames, _ = play(engine(), 30, knobs=lambda _: knobs)
    validate_frames(frames)


def test_nothing_that_is_given_is_changed():
    player = engine()
    frame, forced = np.ones((4, 3), np.uint8), np.full((4, 3), 2, np.uint8)
    state = player.initial_state()
    distribution, after = player.step(frame, state)
    distribution.sample(forced, np.array([True, False, True, False]), PLAIN, seed=0, frame_index=0)
    assert (frame == 1).all()
    assert (forced == 2).all()
    assert state.at != state.at  # still not a number
    frame[:] = 9
    assert (after.heard == 1).all()
    assert distribution.match_lengths(frame) == (0, 0, 0, 0)
    for voice in Voice:
        assert np.exp(distribution.note_log_probs(voice, frame, NOBODY_IS_FORCED)).sum() == pytest.approx(1.0)


def test_voices_of_later_engines_do_not_change_what_it_plays():
    player = engine()
    distribution, _ = player.step(SILENCE, player.initial_state())
    is_later = np.array([True, False, False, True])
    some = distribution.sample(SILENCE, NOBODY_IS_FORCED, PLAIN, seed=1, frame_index=0, is_later=is_later)
    whole = distribution.sample(SILENCE, NOBODY_IS_FORCED, PLAIN, seed=1, frame_index=0)
    assert (some[~is_later] == whole[~is_later]).all()


def test_a_folder_loads_and_one_that_does_not_fit_is_refused(tmp_path):
    folder = write_gan(tmp_path / "mine")
    player = load_engine(folder)
    assert (player.name, player.info.voices) == ("mine", tuple(Voice))
    (folder / "config.toml").write_text((folder / "config.toml").read_text().replace("n_head = 9", "n_head = 10"))
    with pytest.raises(CheckpointError, match=r"heads\.P1"):
        load_engine(folder)
    (folder / "config.toml").write_text('version = 1\nkind = "gan"\n[sizes]\nn_head = 9\n')
    with pytest.raises(CheckpointError, match="n_shared"):
        load_engine(folder)


def test_its_controls_are_those_of_the_table_with_the_same_defaults():
    of_table = own_knobs("gan", DEFAULTS)
    assert Knobs.of(of_table) == Knobs() == Knobs.of({})
    others = {name: 3 if isinstance(value, int) else 0.25 for name, value in of_table.items()}
    changed = Knobs.of(others)
    assert all(getattr(changed, field.name) != getattr(Knobs(), field.name) for field in fields(Knobs))
