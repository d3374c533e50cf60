"""On stage: `livegen jam` as a process on a real JACK server, heard, played and mistreated from outside."""

import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jack_keyboard import Keyboard
from jack_listener import Listener
from livegen_process import Jam, assert_left_well, run_livegen
from osc_packets import HOSTILE
from waiting import wait_until

pytestmark = pytest.mark.device

A4, E5 = 69, 76
A4_HZ, E5_HZ = 440.0, 659.26
CHANNELS = range(16)


def test_it_survives_hostile_midi_and_osc_and_releases_every_note(
    jack_jam: Callable[..., Jam], listener: Listener, keyboard: Keyboard
) -> None:
    jam = jack_jam("--midi-in", "keyboard")
    osc = jam.osc()
    assert wait_until(listener.connect_midi)
    assert wait_until(lambda: listener.n_notes() > 3)
    for message in hostile_midi():
        keyboard.send(*message)
    for packet in HOSTILE * 20:
        osc.send_packet(packet)
    for channel in CHANNELS:
        keyboard.send(0xB0 | channel, 64, 0)
        keyboard.send(0xB0 | channel, 120, 0)
    assert wait_until(lambda: listener.is_told(0xB9, 120, 0)), jam.words  # that was a panic
    osc.send("/livegen/panic")
    assert wait_until(lambda: listener.is_told(0xBF, 120, 0))  # and this is one while stopped
    osc.send("/livegen/start")
    n_notes = listener.n_notes()
    assert wait_until(lambda: listener.n_notes() > n_notes + 3), jam.words  # the model plays on
    for voice in ("p2", "tr", "no"):
        osc.send(f"/livegen/{voice}/mute", 1)
    keyboard.send(0x90, A4, 100)
    assert wait_until(lambda: listener.hears(A4_HZ)), jam.words  # and so does the performer
    for voice in ("p2", "tr", "no"):
        osc.send(f"/livegen/{voice}/mute", 0)
    assert wait_until(lambda: bool(listener.hanging()))
    assert_left_well(jam)
    assert wait_until(lambda: not listener.hanging())


def hostile_midi() -> Iterator[list[int]]:
    """Yield what no keyboard should send, and more of it than any performer could."""
    dice = random.Random(7)
    yield from ([0x90], [0x90, 60], [60, 100], [0xF0, 1, 2], [0xF7], [0xF4], [0xFD], [0xFF], [0x90, 200, 100])
    yield [0xF0, *([0x11] * 500), 0xF7]
    yield from ([0x90, 60, 100], [62, 100], [64, 0])  # running status
    yield [0xF0, 1, 0x90, 61, 100, 0xF7]
    for _ in range(300):
        yield [dice.randrange(256) for _ in range(dice.randrange(1, 4))]
    for key in range(40, 60):  # all channels at once, ended by velocity 0
        yield from ([0x90 | channel, key, 100] for channel in CHANNELS)
        yield from ([0x90 | channel, key, 0] for channel in CHANNELS)
    for _ in range(3000):  # controllers from 120 on would be a panic, whenever its turn comes
        yield [0x80 | dice.randrange(0x40), dice.randrange(120), dice.randrange(128)]


def test_an_unplugged_keyboard_lets_go_of_its_key_and_plays_again_when_it_is_back(
    jack_jam: Callable[..., Jam], listener: Listener, keyboard: Keyboard
) -> None:
    jam = jack_jam("--midi-in", "KEYB")
    jam.osc().send("/livegen/stop")
    assert listener.falls_silent()
    keyboard.send(0x90, A4, 100)
    assert wait_until(lambda: listener.hears(A4_HZ))
    keyboard.unplug()
    assert listener.falls_silent()
    keyboard.plug_in()
    assert wait_until(lambda: listener.is_connected("keyboard:keys"))
    keyboard.send(0x90, E5, 100)
    assert wait_until(lambda: listener.hears(E5_HZ))
    keyboard.unplug()
    keyboard.plug_in()  # a cable that wobbles: there again before anybody looked
    assert listener.falls_silent()
    assert wait_until(lambda: listener.is_connected("keyboard:keys"))
    keyboard.send(0x90, A4, 100)
    assert wait_until(lambda: listener.hears(A4_HZ))
    assert_left_well(jam, signal.SIGINT)
    assert listener.falls_silent()


def test_six_held_notes_end_everywhere_each_time_the_keyboard_is_pulled(
    jack_jam: Callable[..., Jam], listener: Listener, keyboard: Keyboard
) -> None:
    spread = [part for name in ("p1.role=player", "p2.role=player", "tr.role=player") for part in ("--set", name)]
    jam = jack_jam("--midi-in", "keyboard", "--midi-out", "listener,thru=on", "--set", "chords=spread", *spread)
    jam.osc().send("/livegen/stop")
    for _ in range(3):
        assert wait_until(lambda: listener.is_connected("keyboard:keys"))
        for key in (48, 52, 55, 60, 64, 67):
            keyboard.send(0x90, key, 100)
        assert wait_until(lambda: len(listener.hanging()) == 6 and listener.peak() > 0.01)
        keyboard.unplug()
        assert wait_until(lambda: not listener.hanging())
        assert listener.falls_silent()
        keyboard.plug_in()
    assert_left_well(jam)


def test_the_music_goes_on_when_the_midi_output_vanishes_and_it_plays_there_when_it_is_back(
    jack_jam: Callable[..., Jam], listener: Listener
) -> None:
    jam = jack_jam("--midi-out", "listener")
    assert wait_until(lambda: listener.n_notes() > 3)
    assert wait_until(lambda: bool(listener.hanging()))
    listener.unplug_midi()
    n_notes = listener.n_notes()
    assert jam.osc().ask("/livegen/temperature", 0.5) == ("/livegen/temperature", [0.5])
    assert wait_until(lambda: listener.peak() > 0.01)
    listener.plug_in_midi()
    assert wait_until(lambda: listener.n_notes() > n_notes + 3)
    assert listener.peak() > 0.01
    assert_left_well(jam)
    assert wait_until(lambda: not listener.hanging())  # also what sounded when the port went


def test_two_keyboards_on_channel_1_play_a_voice_each_and_the_take_replays(
    jack_jam: Callable[..., Jam], listener: Listener, keyboard: Keyboard, model: Path, tmp_path: Path
) -> None:
    minilab = Keyboard("minilab")
    try:
        inputs = ("--midi-in", "keyboard,voice=p1", "--midi-in", "minilab,voice=tr,transpose=-12")
        jam = jack_jam(*inputs, "--midi-out", "listener,thru=on", "--take", str(tmp_path / "takes"))
        assert "MIDI in: keyboard:keys (plays P1), minilab:keys (plays TR, -12 semitones)" in jam.words
        jam.osc().send("/livegen/stop")
        assert wait_until(lambda: not listener.hanging())
        assert wait_until(lambda: all(map(listener.is_connected, ("keyboard:keys", "minilab:keys"))))
        minilab.send(0x90, A4, 100)
        assert wait_until(lambda: listener.hanging() == {(2, A4 - 12)}), listener.hanging()
        keyboard.send(0x90, A4, 100)  # the other way round, what is sent on is what minilab sends
        assert wait_until(lambda: listener.hanging() == {(0, A4), (2, A4 - 12)}), listener.hanging()
        minilab.send(0xB0, 64, 127)
        minilab.send(0x80, A4, 0)
        keyboard.send(0x80, A4, 0)
        assert wait_until(lambda: listener.hanging() == {(2, A4 - 12)})  # its own pedal holds it
        minilab.unplug()
        assert wait_until(lambda: not listener.hanging())
        minilab.plug_in()
        assert wait_until(lambda: listener.is_connected("minilab:keys"))
        minilab.send(0x90, E5, 100)
        assert wait_until(lambda: listener.hanging() == {(2, E5 - 12)})
        assert_left_well(jam)
        (take,) = (tmp_path / "takes").iterdir()
        checked = run_livegen("replay", take, "--check", folder=tmp_path)
        assert checked.returncode == 0, checked.stderr
        log = next(take.glob("*.jsonl")).read_text("utf-8")
        assert f'"midi:minilab:keys","note_on",0,{A4},100,2,-12]' in log
        assert f'"midi:keyboard:keys","note_on",0,{A4},100,0]' in log
    finally:
        minilab.unplug()


@pytest.mark.parametrize(
    ("option", "there"), [("--audio", "Kit: system"), ("--midi-in", "keyboard:keys"), ("--midi-out", "listener:in")]
)
def test_what_is_not_there_is_refused_with_what_is(
    listener: Listener, keyboard: Keyboard, model: Path, tmp_path: Path, option: str, there: str
) -> None:
    arguments = ("jam", "--model", model, "--midi-api", "jack", "--audio", "null", "--no-web", option, "moog")
    process = run_livegen(*arguments, folder=tmp_path)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.count("\n") == 1
    assert "'moog'" in process.stderr
    assert there in process.stderr


def test_every_output_plays_its_own_rig_and_what_is_played_leaves_by_thru(
    jack_jam: Callable[..., Jam], listener: Listener, keyboard: Keyboard
) -> None:
    second = Listener("second")
    try:
        rig = "second,thru=on,p1.channel=4,p1.transpose=12,p2.channel=5,tr.channel=0,no.channel=0"
        jam = jack_jam("--midi-in", "keyboard", "--midi-out", "listener", "--midi-out", rig)
        assert wait_until(lambda: listener.n_notes() > 3 and second.n_notes() > 3)
        keyboard.send(0x90, A4, 127)
        assert wait_until(lambda: second.is_told(0x93, A4 + 12, 127))
        keyboard.unplug()
        assert wait_until(lambda: second.is_told(0x83, A4 + 12, 0))
        jam.osc().send("/livegen/panic")
        assert wait_until(lambda: listener.is_told(0xB9, 120, 0) and second.is_told(0xB4, 120, 0))
        assert listener.hanging() == second.hanging() == set()
        assert {message[0] & 0x0F for message in second.messages} == {3, 4}
        assert not listener.is_told(0x90, A4, 127)
        assert_left_well(jam)
    finally:
        second.close()


def test_panic_silences_sound_and_midi_until_start(jack_jam: Callable[..., Jam], listener: Listener) -> None:
    jam = jack_jam()
    osc = jam.osc()
    assert wait_until(listener.connect_midi)
    assert wait_until(lambda: listener.peak() > 0.01 and bool(listener.hanging()))
    osc.send("/livegen/note", 1, A4, 100)
    assert osc.ask("/livegen/panic") == ("/livegen/panic", [1])
    assert listener.falls_silent()
    assert wait_until(lambda: not listener.hanging())
    n_notes = listener.n_notes()
    assert osc.ask("/livegen/start") == ("/livegen/start", [1])
    assert wait_until(lambda: listener.peak() > 0.01 and listener.n_notes() > n_notes)
    assert_left_well(jam)
    assert wait_until(lambda: not listener.hanging())
