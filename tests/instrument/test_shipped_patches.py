"""Every shipped patch, played: keys in, sound on its own voices out, and silence after."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hash_engine import HashEngine
from numpy.typing import NDArray

from livegen.controls import DEFAULTS, VOICE_PREFIX, Value
from livegen.events import Event, NoteOff, NoteOn, SetControl
from livegen.instrument.instrument import Instrument
from livegen.offline.render import render
from livegen.outputs.native import play_offline
from livegen.patch import Patch, list_patches, load_patch
from livegen.score import MIDI_CHANNEL, N_VOICES, NOTE_RANGE, Voice
from livegen.system.resources import patches_folder
from livegen.units import ENGINE_RATE_HZ, FRAME_RATE_HZ

RATE = 24_000
PATCHES = list_patches()
PROMISED = ["plain", "lead", "arpeggio", "drums", "ballad", "boss_fight", "water", "heroic", "hardware_rig", "split"]
STOPPED: tuple[float, Event] = (0.0, SetControl("stop", True))
PRESSED, LIFTED, OVER = 0.25, 1.0, 5.0  # seconds; the longest echo comes two seconds later
AUDIBLE, SILENT = 0.01, 1e-4


def instrument(name: str, *, is_apart: bool = True, controls: dict[str, Value] | None = None) -> Instrument:
    return Instrument(HashEngine(), load_patch(name), RATE, controls=controls, seed=1, n_channels=1, is_apart=is_apart)


def values(patch: Patch) -> dict[str, Value]:
    return {**DEFAULTS, **patch.controls}


def keys(patch: Patch) -> dict[Voice, int]:
    """A key for each of the player's voices, in its zone."""
    zones = {
        voice: (int(values(patch)[f"{prefix}key_low"]), int(values(patch)[f"{prefix}key_high"]))
        for voice, prefix in VOICE_PREFIX.items()
        if values(patch)[f"{prefix}role"] == "player"
    }
    wanted = {Voice.P1: 67, Voice.P2: 72, Voice.TR: 50, Voice.NO: 38}
    return {voice: min(max(wanted[voice], lowest), highest) for voice, (lowest, highest) in zones.items()}


def performance(patch: Patch, velocity: int = 100) -> list[tuple[float, Event]]:
    """All the player's voices together, each on its own MIDI channel."""
    pairs = [(MIDI_CHANNEL[voice], key) for voice, key in keys(patch).items()]
    down = [(PRESSED, NoteOn(channel, key, velocity)) for channel, key in pairs]
    return [*down, *((LIFTED, NoteOff(channel, key)) for channel, key in pairs)]


@cache
def alone(name: str) -> NDArray[np.float32]:
    """Samples by voice of the player without the model, who leaves no note behind."""
    played = instrument(name)
    events = [STOPPED, *performance(load_patch(name))]
    sound = np.concatenate([frame.samples for frame in render(played, int(OVER * FRAME_RATE_HZ), events)])
    assert not played.callback["synth"]["voices"]["playing"]["note"].any()
    assert played.n_lost == 0
    return sound


def part(sound: NDArray[np.float32], begin: float, end: float) -> NDArray[np.float32]:
    return np.abs(sound[round(begin * RATE) : round(end * RATE)]).max(axis=0)


def test_the_patches_that_the_readme_names_are_there() -> None:
    assert set(PROMISED) <= set(PATCHES)
    assert len(PATCHES) >= 12


@pytest.mark.parametrize("name", PATCHES)
def test_a_patch_says_what_it_is_for(name: str) -> None:
    patch = load_patch(name)
    text = (patches_folder() / f"{name}.toml").read_text(encoding="utf-8")
    comment = text.partition("\n\n")[0]
    assert all(line.startswith("# ") for line in comment.splitlines())
    assert [heading in comment for heading in ("What to plug in:", "What it does:", "Tricks:")] == [True] * 3
    assert max(len(line) for line in text.splitlines()) <= 120
    assert patch.name == name
    assert 20 <= len(patch.description) <= 80


@pytest.mark.parametrize("name", PATCHES)
def test_keys_sound_on_the_player_s_voices_and_end_in_silence(name: str) -> None:
    patch, sound = load_patch(name), alone(name)
    mine = keys(patch)
    echoes = {Voice.P2} if Voice.P1 in mine and patch.voices[Voice.P2].echo else set()
    drum = patch.drums.get(mine.get(Voice.NO, -1))
    kicks = {Voice.TR} if drum is not None and drum.kick is not None else set()
    assert mine
    assert (part(sound, PRESSED - 0.15, PRESSED - 0.05) < SILENT).all()
    for voice, level in zip(Voice, part(sound, PRESSED, OVER), strict=True):
        if voice in mine or voice in echoes:
            assert level > AUDIBLE
        elif voice not in kicks:  # what is not the player's is silent, or a patch took more than it says
            assert level < SILENT
    assert (part(sound, OVER - 0.5, OVER) < SILENT).all()


@pytest.mark.parametrize("name", PATCHES)
def test_nothing_clips_when_all_voices_are_hit_hard_at_full_volume(name: str) -> None:
    loud = instrument(name, is_apart=False, controls={"volume": 1.0})
    events = performance(load_patch(name), velocity=127)
    sound = np.concatenate([frame.samples for frame in render(loud, int(1.5 * FRAME_RATE_HZ), events)])
    assert AUDIBLE < np.abs(sound).max() < 1.0


def test_no_two_patches_sound_alike() -> None:
    for one, other in combinations(PATCHES, 2):
        difference = alone(one) - alone(other)
        assert np.sqrt(np.mean(difference**2)) > 0.1 * np.sqrt(np.mean(alone(one) ** 2)), (one, other)


class Keys:
    """A player whose model is stopped, and who listens to each voice."""

    def __init__(self, name: str) -> None:
        self.instrument = instrument(name)
        self.send(SetControl("stop", True))

    def send(self, event: Event) -> None:
        self.instrument.receive(event, "keys")

    def listen(self, seconds: float) -> NDArray[np.float32]:
        """The peak of each voice over the next while."""
        n_samples = round(seconds * RATE)
        out = np.zeros(n_samples * N_VOICES, np.float32)
        play_offline(self.instrument.callback, out, n_samples)
        return np.abs(out.reshape(-1, N_VOICES)).max(axis=0)

    def tap(self, key: int, channel: int = 0) -> set[Voice]:
        """The voices that a key sounds on; they have fallen silent after."""
        self.send(NoteOn(channel, key, 110))
        heard = self.listen(0.05)
        self.send(NoteOff(channel, key))
        self.listen(1.5)
        assert (self.listen(0.05) < SILENT).all()
        return {voice for voice in Voice if heard[voice] > AUDIBLE}

    def noise_register(self) -> int:
        return int(self.instrument.callback["synth"]["voices"][0, Voice.NO]["written"]["period"])


@pytest.mark.parametrize("key", sorted(load_patch("drums").drums))
def test_each_drum_sounds_at_its_noise_note(key: int) -> None:
    drum = load_patch("drums").drums[key]
    drummer = Keys("drums")
    drummer.send(NoteOn(9, key, 120))
    drummer.listen(1 / RATE)
    lowest, highest = NOTE_RANGE[Voice.NO]
    note = min(max(drum.note + drum.arpeggio.values[0], lowest), highest)
    assert drummer.noise_register() == drum.timbre.values[0] << 7 | 16 - note
    heard = drummer.listen(0.05)
    assert heard[Voice.NO] > AUDIBLE
    assert (heard[Voice.TR] > AUDIBLE) == (drum.kick is not None)
    length = len(drum.volume.values) / ENGINE_RATE_HZ
    drummer.listen(length)
    assert drummer.listen(0.05)[Voice.NO] < SILENT  # by itself: the key is still down


def test_the_kit_has_general_midi_s_drums_and_no_two_alike() -> None:
    kit = load_patch("drums").drums
    assert {35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 55, 57, 59} <= set(kit)
    assert all(one != other for one, other in combinations(kit.values(), 2))


@pytest.mark.parametrize(
    ("key", "voices"),
    [
        (36, {Voice.NO, Voice.TR}),  # a bass drum has a kick
        (47, {Voice.NO, Voice.TR}),
        (42, {Voice.NO}),
        (48, {Voice.TR}),
        (59, {Voice.TR}),
        (60, {Voice.P1}),
        (96, {Voice.P1}),
    ],
)
def test_the_split_splits(key: int, voices: set[Voice]) -> None:
    assert Keys("split").tap(key) == voices


@pytest.mark.parametrize(
    ("channel", "voice"), [(0, Voice.P1), (1, Voice.P2), (2, Voice.TR), (9, Voice.NO), (5, Voice.P1)]
)
def test_the_hardware_rig_answers_on_a_channel_for_each_voice(channel: int, voice: Voice) -> None:
    assert Keys("hardware_rig").tap(49, channel) == {voice}


def test_the_hardware_rig_knows_no_velocity() -> None:
    heard = []
    for velocity in (1, 127):
        rig = Keys("hardware_rig")
        for channel in (0, 1, 2, 9):
            rig.send(NoteOn(channel, 49, velocity))
        heard.append(rig.listen(0.2))
    assert np.array_equal(*heard)


def test_the_canon_answers_two_seconds_later() -> None:
    pulse_1, pulse_2 = np.abs(alone("canon")[:, :2]).T > AUDIBLE
    delay = (int(pulse_2.argmax()) - int(pulse_1.argmax())) / RATE
    assert delay == pytest.approx(120 / ENGINE_RATE_HZ, abs=0.002)
    assert pulse_1.sum() == pytest.approx(pulse_2.sum(), rel=0.1)
