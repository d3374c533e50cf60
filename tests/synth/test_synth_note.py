"""What a patch makes of a note, tick by tick: macros, slides, vibrato, chords, expression."""

import numpy as np
import pytest
from synth_rig import Rig

from livegen.score import Voice
from livegen.units import CPU_CLOCK_HZ, ENGINE_RATE_HZ, MAX_TIMER_PERIOD, pulse_note_to_timer_period

P1, P2, TR, NO = Voice
PITCHED = (P1, P2, TR)
RATE_SECOND = 48_000


def pitches(rig: Rig, n_ticks: int, voice: Voice = P1, note: int = 36) -> list[float]:
    """Attack a low note, where the timer is fine, and return its pitch above it by tick."""
    rig.down(voice, note)
    return [pitch - note for pitch in rig.ticks(n_ticks, lambda: rig.pitch(voice))]


def notes(rig: Rig, n_ticks: int, voice: Voice = P1, note: int = 60) -> list[int]:
    rig.down(voice, note)
    return rig.ticks(n_ticks, lambda: rig.note(voice))


def periods(rig: Rig, n_ticks: int, voice: Voice = P1, note: int = 60) -> list[int]:
    rig.down(voice, note)
    return rig.ticks(n_ticks, lambda: rig.period(voice))


@pytest.mark.parametrize("voice", Voice)
def test_a_volume_macro_moves_the_level(voice: Voice) -> None:
    rig = Rig(f"[{voice.name.lower()}]\nvolume = [15, 9, 0, 4]\nvelocity = false")
    rig.down(voice, 9)
    heard = rig.ticks(6, lambda: rig.level(voice))
    assert heard == ([15, 15, 0, 15, 15, 15] if voice is TR else [15, 9, 0, 4, 4, 4])


def test_a_volume_macro_loops_and_is_released() -> None:
    rig = Rig("[p1]\nvolume = [15, 12, 10, 6, 3]\nvolume_loop = 1\nvolume_release = 2")
    rig.down(P1, 60)
    assert rig.ticks(6, lambda: rig.level(P1)) == [15, 12, 10, 12, 10, 12]
    rig.up(P1)
    assert rig.ticks(5, lambda: rig.level(P1)) == [10, 6, 3, 0, 0]
    assert rig.playing(P1) == 0


def test_a_timbre_macro_moves_the_duty_and_the_noise_s_mode_and_never_ends_the_note() -> None:
    rig = Rig("[p1]\ntimbre = [0, 1, 2, 3]\ntimbre_release = 2\n[no]\ntimbre = [0, 1]\ntimbre_loop = 0")
    rig.down(P1, 60)
    rig.down(NO, 5)
    seen = rig.ticks(4, lambda: (rig.duty(P1), rig.noise()))
    assert seen == [(0, (5, 0)), (1, (5, 1)), (2, (5, 0)), (2, (5, 1))]
    assert rig.level(P1) == 15


@pytest.mark.parametrize("voice", PITCHED)
def test_an_absolute_arpeggio_counts_from_the_note_and_stays_at_its_last_value(voice: Voice) -> None:
    rig = Rig(f"{voice.name.lower()}.arpeggio = [0, 4, 7, -12]")
    assert notes(rig, 6, voice) == [60, 64, 67, 48, 48, 48]


def test_an_arpeggio_loops() -> None:
    assert notes(Rig("[p1]\narpeggio = [0, 4, 7]\narpeggio_loop = 0"), 7) == [60, 64, 67, 60, 64, 67, 60]


def test_a_relative_arpeggio_adds_up_and_ends() -> None:
    rig = Rig('[p1]\narpeggio = [1, 2, -4]\narpeggio_mode = "relative"')
    assert notes(rig, 6) == [61, 63, 59, 59, 59, 59]
    rig.down(P1, 60)  # and begins anew with the next note
    assert rig.ticks(2, lambda: rig.note(P1)) == [61, 63]


def test_a_fixed_arpeggio_plays_notes_and_then_the_key() -> None:
    assert notes(Rig('[p1]\narpeggio = [72, 40]\narpeggio_mode = "fixed"'), 4) == [72, 40, 60, 60]


def test_an_arpeggio_of_the_noise_steps_through_its_periods_and_stops_at_the_ends() -> None:
    rig = Rig("[no]\narpeggio = [0, 3, 15, -15]")
    rig.down(NO, 9)
    assert rig.ticks(4, rig.noise) == [(9, 0), (12, 0), (16, 0), (1, 0)]


@pytest.mark.parametrize("voice", PITCHED)
def test_pitch_macros_add_to_the_period_at_every_tick(voice: Voice) -> None:
    name = voice.name.lower()
    plain = periods(Rig(), 1, voice)[0]
    pitch = periods(Rig(f"{name}.pitch = [0, 5, 5, -3]"), 6, voice)
    assert [period - plain for period in pitch] == [0, 5, 10, 7, 7, 7]
    both = periods(Rig(f"[{name}]\npitch = [1, 1]\npitch_loop = 1\nhi_pitch = [0, 2, -1]"), 5, voice)
    assert [period - plain for period in both] == [1, 34, 19, 20, 21]


def test_a_pitch_macro_does_not_wind_up_beyond_the_timer() -> None:
    rig = Rig(f"[p1]\npitch = {[127] * 32 + [-127] * 32}")
    assert periods(rig, 66)[-1] == 8


def test_vibrato_swings_by_its_depth_at_its_speed_after_its_delay() -> None:
    rig = Rig("[p1]\nvibrato_depth = 50\nvibrato_speed = 5\nvibrato_delay = 20")
    above = np.array(pitches(rig, 140))
    assert np.ptp(above[:21]) == 0
    assert above.max() == pytest.approx(0.5, abs=0.02)
    assert above.min() == pytest.approx(-0.5, abs=0.02)
    turn = ENGINE_RATE_HZ / 5
    wanted = 0.5 * np.sin(2 * np.pi * np.arange(120) / turn)
    np.testing.assert_allclose(above[20:], wanted, atol=0.02)


def test_tremolo_dips_by_its_depth_after_its_delay() -> None:
    rig = Rig("[p1]\ntremolo_depth = 6\ntremolo_speed = 6\ntremolo_delay = 10")
    rig.down(P1, 60)
    levels = rig.ticks(60, lambda: rig.level(P1))
    assert levels[:11] == [15] * 11
    assert (min(levels), max(levels)) == (9, 15)
    assert levels[15] == 9  # half a turn of ten ticks later
    assert levels[20] == 15
    silent = Rig("tr.volume = 15\n[no]\ntremolo_depth = 15\nvolume = 4")
    silent.down(NO, 9)
    assert min(silent.ticks(20, lambda: silent.level(NO))) == 0


def test_portamento_glides_at_its_speed_from_a_note_that_still_sounds() -> None:
    rig = Rig(f"[p1]\nportamento = {ENGINE_RATE_HZ}\nvolume = [15, 15, 15]\nvolume_release = 0")
    assert notes(rig, 3, note=40) == [40, 40, 40]
    assert notes(rig, 7, note=44) == [40, 41, 42, 43, 44, 44, 44]
    rig.up(P1)
    rig.run(10)
    assert notes(rig, 3, note=42) == [44, 43, 42]  # a release sounds too
    rig.up(P1)
    rig.run(RATE_SECOND)
    assert notes(rig, 2, note=50) == [50, 50]


def test_a_key_does_not_glide_from_what_the_model_played() -> None:
    rig = Rig("p1.portamento = 60\ncontrols.p1.role = 'player'")
    rig.frames({P1: (80, 15, 0)})
    rig.run_frames(1)
    assert rig.note(P1) == 80
    assert notes(rig, 2, note=50) == [50, 50]


def test_a_slide_goes_from_where_it_begins_to_where_it_ends() -> None:
    rig = Rig(f"[p1]\nslide_from = -3\nslide_to = 2\nslide_speed = {ENGINE_RATE_HZ}")
    assert notes(rig, 7) == [57, 58, 59, 60, 61, 62, 62]
    assert notes(rig, 2, note=72) == [69, 70]


@pytest.mark.parametrize(("voice", "cents"), [(P1, 7), (P2, -12), (TR, 100)])
def test_detune_shifts_by_cents(voice: Voice, cents: int) -> None:
    rig = Rig(f"{voice.name.lower()}.detune = {cents}")
    assert pitches(rig, 1, voice)[0] == pytest.approx(cents / 100, abs=0.015)


def test_legato_goes_on_without_an_attack() -> None:
    text = "[p1]\nvolume = [15, 12, 9]\narpeggio = [0, 12, 0]"
    rig = Rig(text + "\nlegato = true")
    rig.down(P1, 60)
    rig.ticks(3, lambda: 0)
    rig.down(P1, 64, volume=3)
    assert rig.ticks(3, lambda: (rig.level(P1), rig.note(P1))) == [(9, 64)] * 3
    rig.up(P1)
    rig.run(10)
    rig.down(P1, 67)  # no key is held: an attack
    assert rig.ticks(3, lambda: (rig.level(P1), rig.note(P1))) == [(15, 67), (12, 79), (9, 67)]
    plain = Rig(text)
    plain.down(P1, 60)
    plain.ticks(3, lambda: 0)
    plain.down(P1, 64)
    assert plain.ticks(1, lambda: (plain.level(P1), plain.note(P1))) == [(15, 64)]


def test_legato_with_portamento_glides() -> None:
    rig = Rig(f"[tr]\nlegato = true\nportamento = {2 * ENGINE_RATE_HZ}")
    rig.down(TR, 40)
    rig.run(801)
    rig.down(TR, 46)
    assert rig.ticks(4, lambda: rig.note(TR))[0] == 40
    assert rig.ticks(1, lambda: rig.note(TR)) == [46]


def test_a_released_note_does_not_go_on_legato() -> None:
    rig = Rig("[p1]\nlegato = true\nvolume = [15, 5, 5, 5, 5]\nvolume_release = 0")
    rig.down(P1, 60)
    rig.run(801)
    rig.up(P1)
    rig.run(1000)
    assert rig.level(P1) == 5
    rig.down(P1, 64)
    assert rig.ticks(1, lambda: rig.level(P1)) == [15]


@pytest.mark.parametrize("text", ["volume = [15, 8, 0]", "envelope = 0"])
def test_a_note_that_has_rung_off_under_its_key_does_not_go_on_legato(text: str) -> None:
    rig = Rig(f"[p1]\nlegato = true\n{text}")
    rig.down(P1, 60)
    rig.run(RATE_SECOND // 5)
    assert rig.level(P1) == 0
    rig.down(P1, 64)
    rig.run(RATE_SECOND // 120)
    assert (rig.level(P1) > 12, rig.note(P1)) == (True, 64)
    rig.run(RATE_SECOND // 5)
    assert rig.level(P1) == 0
    rig.chord(P1, 60, 64)
    rig.run(RATE_SECOND // 120)
    assert (rig.level(P1) > 12, rig.note(P1)) == (True, 60)


def test_a_drum_is_struck_also_where_the_noise_plays_legato() -> None:
    rig = Rig("[no]\nlegato = true\nvolume = [15, 9, 8]\n[drums.36]\nvolume = [14, 3]\nnote = 2")
    rig.down(NO, 2, key=36)
    assert rig.ticks(3, lambda: rig.level(NO)) == [14, 3, 3]
    rig.down(NO, 2, key=36)
    assert rig.ticks(2, lambda: rig.level(NO)) == [14, 3]
    rig.down(NO, 7, key=61)  # the plain sound, and not the drum's at another note
    assert rig.ticks(2, lambda: rig.level(NO)) == [15, 9]
    rig.down(NO, 8, key=62)
    assert rig.ticks(1, lambda: (rig.level(NO), rig.noise())) == [(9, (8, 0))]


def test_a_chord_runs_a_note_a_tick() -> None:
    rig = Rig()
    rig.down(P1, 67, notes=(60, 64, 67))
    assert rig.ticks(6, lambda: rig.note(P1)) == [60, 64, 67, 60, 64, 67]
    rig.chord(P1, 60, 72)
    assert rig.ticks(6, lambda: rig.note(P1))[1:] == [60, 72, 60, 72, 60]
    rig.chord(P1, 64)
    assert rig.ticks(3, lambda: rig.note(P1))[1:] == [64, 64]
    rig.up(P1)
    rig.run(1000)
    rig.chord(P1, 60)  # nothing sounds: nothing to change
    rig.run(1000)
    assert rig.levels() == [0, 0, 0, 0]


def test_a_key_that_joins_a_chord_which_has_rung_off_strikes_it_anew() -> None:
    rig = Rig("[p1]\nvolume = [15, 0]")
    rig.down(P1, 60)
    rig.run(RATE_SECOND)
    assert rig.level(P1) == 0
    rig.chord(P1, 60, 64)
    assert rig.ticks(2, lambda: (rig.note(P1), rig.level(P1)))[0] == (60, 15)


def test_each_note_of_a_chord_lasts_the_control_s_ticks() -> None:
    rig = Rig()
    rig.callback["synth"]["chord_ticks"] = 3
    rig.down(TR, 67, notes=(60, 67))
    assert rig.ticks(9, lambda: rig.note(TR)) == [60, 60, 60, 67, 67, 67, 60, 60, 60]


def test_a_chord_takes_its_macros_slides_and_bends_along() -> None:
    rig = Rig("[p1]\narpeggio = [0, 12]\nvolume = [15, 7]")
    rig.express(P1, bend=1.0)
    rig.down(P1, 64, notes=(60, 64))
    assert rig.ticks(4, lambda: (rig.note(P1), rig.level(P1))) == [(61, 15), (77, 7), (73, 7), (77, 7)]


def test_the_pitch_wheel_bends_and_comes_back() -> None:
    rig = Rig()
    rig.down(P1, 48)
    rig.express(P1, bend=-2.5)
    rig.run(RATE_SECOND // 50)
    assert rig.pitch(P1) == pytest.approx(45.5, abs=0.03)
    rig.down(P1, 50)
    rig.run(1)
    assert rig.pitch(P1) == pytest.approx(47.5, abs=0.03)
    rig.express(P1)
    rig.run(RATE_SECOND // 50)
    assert rig.note(P1) == 50


def test_the_modulation_wheel_brings_vibrato_at_once_whatever_the_delay() -> None:
    rig = Rig("[p1]\nmodulation = 80\nvibrato_speed = 6\nvibrato_delay = 600\nvibrato_depth = 10")
    assert np.ptp(pitches(rig, 20)) == 0
    rig.express(P1, modulation=0.5)
    above = np.array(rig.ticks(30, lambda: rig.pitch(P1))) - 36
    assert above.max() == pytest.approx(0.4, abs=0.02)
    assert above.min() == pytest.approx(-0.4, abs=0.02)


@pytest.mark.parametrize(
    ("aftertouch", "swings", "level"), [("vibrato", True, 8), ("volume", False, 15), ("off", False, 8)]
)
def test_a_key_pressed_harder_does_what_the_patch_says(aftertouch: str, swings: bool, level: int) -> None:
    rig = Rig(f'p1.aftertouch = "{aftertouch}"')
    rig.down(P1, 36, volume=8)
    rig.express(P1, pressure=1.0)
    rig.run(1000)
    seen = rig.ticks(20, lambda: (rig.pitch(P1), rig.level(P1)))
    assert bool(np.ptp([pitch for pitch, _ in seen]) > 0.9) is swings
    assert {heard for _, heard in seen} == {level}


@pytest.mark.parametrize(("volume", "levels"), [(15, [15, 8, 1]), (8, [8, 4, 1]), (1, [1, 1, 1])])
def test_velocity_scales_the_macro_as_in_famitracker(volume: int, levels: list[int]) -> None:
    rig = Rig("[p1]\nvolume = [15, 8, 1]")
    rig.down(P1, 60, volume=volume)
    assert rig.ticks(3, lambda: rig.level(P1)) == levels


def test_without_velocity_every_key_is_as_loud() -> None:
    rig = Rig("p1.velocity = false")
    rig.down(P1, 60, volume=3)
    assert rig.ticks(1, lambda: rig.level(P1)) == [15]


EXTREMES = [
    ("pitch = [127]\npitch_loop = 0", 60),
    ("pitch = [-128]\npitch_loop = 0", 60),
    ("hi_pitch = [63]\nhi_pitch_loop = 0", 60),
    ("hi_pitch = [-64]\nhi_pitch_loop = 0", 60),
    ("arpeggio = [48]", 108),
    ("arpeggio = [-48]", 32),
    ('arpeggio = [48]\narpeggio_loop = 0\narpeggio_mode = "relative"', 60),
    ('arpeggio = [-48]\narpeggio_loop = 0\narpeggio_mode = "relative"', 60),
    ("detune = 1200\nslide_from = 48\nslide_to = 48\nvibrato_depth = 1200\nvibrato_speed = 30", 108),
    ("detune = -1200\nslide_from = -48\nslide_to = -48\nvibrato_depth = 1200\nvibrato_speed = 30", 32),
]


@pytest.mark.parametrize("bend", [-24.0, 24.0])
@pytest.mark.parametrize(("text", "note"), EXTREMES)
@pytest.mark.parametrize("voice", PITCHED)
def test_no_extreme_leaves_the_timer_s_range(voice: Voice, text: str, note: int, bend: float) -> None:
    rig = Rig(f"[{voice.name.lower()}]\n{text}")
    rig.express(voice, bend=bend)
    rig.down(voice, note)
    seen = rig.ticks(40, lambda: rig.period(voice))
    rig.run(10 * RATE_SECOND)
    seen.append(rig.period(voice))
    assert (2 if voice is TR else 8) <= min(seen)
    assert max(seen) <= MAX_TIMER_PERIOD
    rig.express(voice)
    rig.up(voice)
    rig.run(RATE_SECOND)
    assert rig.levels() == [0, 0, 0, 0]


def test_every_note_is_the_period_that_is_nearest() -> None:
    rig = Rig()
    for note in range(33, 109):
        rig.down(P1, note)
        rig.run(1)
        assert rig.period(P1) == pulse_note_to_timer_period(note, CPU_CLOCK_HZ["ntsc"])
