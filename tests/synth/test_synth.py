"""The sound engine: keys and frames in, and what then sounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegen.apu import new_chip, read_samples, voice_level
from livegen.patch import Macro, Patch, VoicePatch, load_patch
from livegen.score import NOTE_RANGE, TIMBRE_MAX, VOLUME_MAX, Voice
from livegen.synth.synth import (
    NEVER,
    SHORTEST_NOTE_SECONDS,
    SYNTH,
    give_to_model,
    key_down,
    key_up,
    next_tick_sample,
    play_frame_voice,
    run_tick,
    set_up_synth,
    silence_voice,
)
from livegen.units import CPU_CLOCK_HZ, ENGINE_RATE_HZ

RATE = 48_000
NOTE = {Voice.P1: 60, Voice.P2: 72, Voice.TR: 48, Voice.NO: 9}
FULL = Macro((15,))
FIRST = Macro((0,))


class Synth:
    """A synth with its chip, and the ticks run as the audio engine runs them."""

    def __init__(self, *, volume: Macro = FULL, timbre: Macro = FIRST, velocity: bool = True) -> None:
        wanted = VoicePatch(volume, timbre, velocity)
        self._set_up(Patch("test", "", {}, (wanted,) * 4))

    @classmethod
    def of(cls, patch: Patch) -> "Synth":
        synth = cls()
        synth._set_up(patch)
        return synth

    def _set_up(self, patch: Patch) -> None:
        self._synth = np.zeros(1, SYNTH)
        self._chip = new_chip(cpu_clock_hz=CPU_CLOCK_HZ["ntsc"], sample_rate=RATE)
        set_up_synth(self._synth, self._chip, RATE, patch)
        read_samples(self._chip[0], 64, np.zeros(64, np.float32))  # the triangle's linear counter fills

    def state(self, voice: Voice) -> np.void:
        return self._synth["voices"][0, voice]

    def level(self, voice: Voice) -> int:
        return int(voice_level(self._chip[0], int(voice)))

    def down(self, voice: Voice, sample: int = 0, volume: int = 15, note: int | None = None) -> None:
        key_down(self._synth[0], self._chip[0], sample, int(voice), NOTE[voice] if note is None else note, volume)

    def up(self, voice: Voice, sample: int) -> None:
        key_up(self._synth[0], self._chip[0], sample, int(voice))

    def frame(self, voice: Voice, note: int, volume: int = 0, timbre: int = 0, sample: int = 0) -> None:
        play_frame_voice(self._synth[0], self._chip[0], sample, int(voice), note, volume, timbre)

    def give(self, voice: Voice, sample: int = 0) -> None:
        give_to_model(self._synth[0], self._chip[0], sample, int(voice))

    def silence(self, voice: Voice, sample: int = 0) -> None:
        silence_voice(self._synth[0], self._chip[0], sample, int(voice))

    def run(self, voice: Voice, end: int) -> list[tuple[int, int]]:
        """Run what is due before `end`; return samples and levels after each."""
        done: list[tuple[int, int]] = []
        while (sample := next_tick_sample(self._synth[0], int(voice))) < end:
            assert not done or sample >= done[-1][0]
            run_tick(self._synth[0], self._chip[0], sample, int(voice))
            done.append((int(sample), self.level(voice)))
        return done


@pytest.mark.parametrize("voice", Voice)
def test_a_key_sounds_until_it_comes_up(voice: Voice) -> None:
    synth = Synth()
    assert synth.level(voice) == 0
    synth.down(voice)
    assert synth.level(voice) == 15
    synth.run(voice, RATE)
    assert synth.level(voice) == 15
    synth.up(voice, RATE)
    assert synth.run(voice, 2 * RATE)[-1] == (RATE, 0)
    assert synth.state(voice)["note"] == 0
    assert next_tick_sample(synth._synth[0], int(voice)) == NEVER


@pytest.mark.parametrize("voice", Voice)
def test_a_tap_within_one_block_still_sounds_a_moment(voice: Voice) -> None:
    synth = Synth()
    synth.down(voice, 1000)
    synth.up(voice, 1000)
    shortest = int(SHORTEST_NOTE_SECONDS * RATE)
    assert synth.run(voice, 1000 + shortest) == []
    assert synth.level(voice) == 15
    assert synth.run(voice, 1001 + shortest) == [(1000 + shortest, 0)]


def test_a_key_pressed_before_the_last_one_came_up_takes_over_with_a_new_attack() -> None:
    synth = Synth(volume=Macro((15, 10, 5)))
    synth.down(Voice.P1, 0)
    synth.run(Voice.P1, RATE // 10)
    assert synth.level(Voice.P1) == 5
    synth.up(Voice.P1, RATE // 10)
    synth.down(Voice.P1, RATE // 10, note=64)  # before the release was run
    assert synth.state(Voice.P1)["note"] == 64
    assert synth.level(Voice.P1) == 15
    synth.run(Voice.P1, RATE)
    assert synth.state(Voice.P1)["note"] == 64
    assert synth.level(Voice.P1) == 5


def test_the_ticks_restart_with_each_note_and_come_60_0988_times_a_second() -> None:
    synth = Synth(volume=Macro(tuple(range(15, 0, -1))))
    synth.down(Voice.P1, 777)
    done = synth.run(Voice.P1, 777 + RATE)
    assert len(done) == 60
    assert [level for _, level in done[:14]] == list(range(14, 0, -1))
    for n, (sample, _) in enumerate(done, 1):
        assert sample == 777 + np.ceil(n * RATE / ENGINE_RATE_HZ)


def test_velocity_scales_the_macro_as_in_famitracker() -> None:
    for volume, levels in ((15, [15, 8, 1]), (8, [8, 4, 1]), (1, [1, 1, 1])):
        synth = Synth(volume=Macro((15, 8, 1)))
        synth.down(Voice.P1, volume=volume)
        first = synth.level(Voice.P1)
        assert [first, *(level for _, level in synth.run(Voice.P1, RATE // 25))] == levels
    synth = Synth(velocity=False)
    synth.down(Voice.P1, volume=3)
    assert synth.level(Voice.P1) == 15


def test_a_release_plays_what_follows_the_release_point_and_ends_the_note() -> None:
    synth = Synth(volume=Macro((15, 12, 6, 3), release=1))
    synth.down(Voice.P2)
    synth.run(Voice.P2, RATE)
    assert synth.level(Voice.P2) == 12
    synth.up(Voice.P2, RATE)
    assert [level for _, level in synth.run(Voice.P2, 2 * RATE)] == [12, 6, 3, 0]
    assert synth.state(Voice.P2)["note"] == 0


def test_a_timbre_macro_moves_the_duty_and_never_ends_the_note() -> None:
    synth = Synth(timbre=Macro((0, 1, 2), release=1))
    synth.down(Voice.P1)
    synth.run(Voice.P1, RATE)
    assert synth._chip["pulses"]["duty"][0, 0] == 1
    synth = Synth(timbre=Macro((0, 2), loop=0))
    synth.down(Voice.P1)
    synth.run(Voice.P1, RATE)
    assert synth.level(Voice.P1) == 15


def test_the_triangle_is_gated_by_its_volume_macro() -> None:
    synth = Synth(volume=Macro((15, 0, 7), loop=0), velocity=False)
    synth.down(Voice.TR)
    assert [level for _, level in synth.run(Voice.TR, RATE // 12)] == [0, 15, 15, 0, 15]


def test_the_player_s_voice_takes_no_notice_of_frames_until_it_is_given_back() -> None:
    synth = Synth()
    synth.frame(Voice.P1, 50, 4)
    assert synth.level(Voice.P1) == 4
    synth.down(Voice.P1)
    synth.frame(Voice.P1, 52, 4)
    assert (synth.state(Voice.P1)["note"], synth.level(Voice.P1)) == (60, 15)
    synth.give(Voice.P1)
    assert (synth.state(Voice.P1)["note"], synth.level(Voice.P1)) == (0, 0)
    synth.frame(Voice.P1, 52, 4)
    assert (synth.state(Voice.P1)["note"], synth.level(Voice.P1)) == (52, 4)
    synth.give(Voice.P1)  # it is the model's already
    assert synth.level(Voice.P1) == 4
    synth.up(Voice.P1, 0)  # a key that came up late leaves the model alone
    assert synth.run(Voice.P1, RATE) == []


def test_the_model_s_volume_and_timbre_move_under_a_note_without_a_new_attack() -> None:
    synth = Synth()
    synth.frame(Voice.P1, 60, 8, 2)
    synth._chip["pulses"]["position"][0, 0] = 5
    synth.frame(Voice.P1, 60, 6, 1)
    assert synth.level(Voice.P1) == 6
    assert synth._chip["pulses"]["duty"][0, 0] == 1
    assert synth._chip["pulses"]["position"][0, 0] == 5
    synth.frame(Voice.P1, 60, 9, 1)  # three louder is a new attack: the phase begins anew
    assert synth._chip["pulses"]["position"][0, 0] == 0


@pytest.mark.parametrize("voice", Voice)
def test_every_note_volume_and_timbre_of_a_frame_sounds_and_a_silent_one_does_not(voice: Voice) -> None:
    synth = Synth()
    lowest, highest = NOTE_RANGE[voice]
    for note in range(lowest, highest + 1):
        for timbre in range(TIMBRE_MAX[voice] + 1):
            synth.frame(voice, note, VOLUME_MAX[voice], timbre)
            assert synth.level(voice) == 15
    synth.frame(voice, 0)
    assert synth.level(voice) == 0


MOVES = st.lists(
    st.tuples(
        st.sampled_from(Voice), st.sampled_from(("down", "up", "frame", "give", "silence")), st.integers(0, 4000)
    ),
    max_size=40,
)


@settings(deadline=None)
@given(MOVES)
def test_whatever_was_played_ends_when_keys_come_up_and_frames_fall_silent(
    moves: list[tuple[Voice, str, int]],
) -> None:
    synth = Synth.of(load_patch("plain"))
    sample = 0
    for voice, move, wait in moves:
        sample += wait
        for each in Voice:
            synth.run(each, sample)
        if move == "down":
            synth.down(voice, sample)
        elif move == "up":
            synth.up(voice, sample)
        elif move == "frame":
            synth.frame(voice, NOTE[voice], min(9, VOLUME_MAX[voice]), sample=sample)
        elif move == "give":
            synth.give(voice, sample)
        else:
            synth.silence(voice, sample)
    for voice in Voice:
        synth.up(voice, sample)
        synth.frame(voice, 0, sample=sample)
        synth.run(voice, sample + RATE)
        assert synth.level(voice) == 0
        assert synth.state(voice)["note"] == 0
