import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegen import units

SAMPLE_RATES = (8000, 11025, 22050, 32000, 44100, 48000, 88200, 96000, 192000)

frames = st.integers(0, 10**9)
rates = st.sampled_from(SAMPLE_RATES)


@given(frames, rates)
def test_a_frame_begins_at_its_first_sample(frame: int, rate: int) -> None:
    first = units.frame_to_sample(frame, rate)
    assert units.sample_to_frame(first, rate) == frame
    assert units.sample_to_frame(first - 1, rate) == frame - 1


@given(st.integers(0, 10**12), rates)
def test_a_sample_lies_inside_its_frame(sample: int, rate: int) -> None:
    frame = units.sample_to_frame(sample, rate)
    assert units.frame_to_sample(frame, rate) <= sample < units.frame_to_sample(frame + 1, rate)


@pytest.mark.parametrize(("rate", "samples"), [(44100, [0, 1838, 3675, 5513]), (48000, [0, 2000, 4000, 6000])])
def test_first_samples_of_the_first_frames(rate: int, samples: list[int]) -> None:
    assert [units.frame_to_sample(frame, rate) for frame in range(4)] == samples


@given(frames)
def test_seconds_round_trip(frame: int) -> None:
    assert units.seconds_to_frame(units.frame_to_seconds(frame)) == frame


def test_seconds_before_the_start_are_negative_frames() -> None:
    assert units.seconds_to_frame(-0.001) == -1


def test_a_beat_at_120_a_minute_lasts_twelve_frames_and_back() -> None:
    assert units.bpm_to_period(120.0) == 12.0
    assert units.period_to_bpm(12.0) == 120.0


@pytest.mark.parametrize(("note", "hz"), [(69, 440.0), (57, 220.0), (60, 261.6256), (21, 27.5), (108, 4186.009)])
def test_note_to_hz(note: int, hz: float) -> None:
    assert units.note_to_hz(note) == pytest.approx(hz, rel=1e-6)


@pytest.mark.parametrize("region", ["ntsc", "pal"])
@pytest.mark.parametrize("lowest", [33, 60])
def test_timer_period_is_the_nearest(region: str, lowest: int) -> None:
    cpu = units.CPU_CLOCK_HZ[region]
    for convert, steps in ((units.pulse_note_to_timer_period, 16), (units.triangle_note_to_timer_period, 32)):
        for note in range(lowest, 109):
            period = convert(note, cpu)
            if period < units.MAX_TIMER_PERIOD:
                wanted = cpu / (steps * units.note_to_hz(note))
                assert abs(period + 1 - wanted) <= 0.5


def test_timer_periods_fit_the_chip() -> None:
    cpu = units.CPU_CLOCK_HZ["ntsc"]
    assert units.pulse_note_to_timer_period(69, cpu) == 253
    assert units.triangle_note_to_timer_period(69, cpu) == 126
    assert units.pulse_note_to_timer_period(32, cpu) == units.MAX_TIMER_PERIOD  # 2154 on a chip of 12 bits
    assert units.pulse_note_to_timer_period(300, cpu) == 0


def test_cpu_clocks() -> None:
    assert units.CPU_CLOCK_HZ["ntsc"] == pytest.approx(1_789_772.73, abs=0.01)
    assert units.CPU_CLOCK_HZ["pal"] == pytest.approx(1_662_607, abs=1)


def test_velocity_and_volume() -> None:
    assert [units.velocity_to_volume(units.volume_to_velocity(volume)) for volume in range(16)] == list(range(16))
    volumes = [units.velocity_to_volume(velocity) for velocity in range(128)]
    assert volumes == sorted(volumes)
    assert (volumes[0], volumes[1], volumes[127]) == (0, 1, 15)
    assert (units.velocity_to_volume(-1), units.velocity_to_volume(1000)) == (0, 15)
    assert (units.volume_to_velocity(-1), units.volume_to_velocity(16)) == (0, 127)
