"""MIDI in over a real JACK server: from another program's port to events."""

import threading
from collections.abc import Iterator

import pytest
from jack_keyboard import Keyboard
from waiting import wait_until

from livegen.errors import PortError
from livegen.events import ClockTick, ControlChange, Event, NoteOff, NoteOn, SourceLost, Start
from livegen.inputs.midi import MidiInput
from livegen.inputs.midi_settings import MidiInSettings, parse_settings
from livegen.score import Voice
from livegen.system.midi_echo import EchoFilter
from livegen.system.midi_ports import MidiSystem, OutputPort

pytestmark = pytest.mark.device


def test_events_come_in_order_on_the_input_s_thread(midi: MidiSystem, keyboard: Keyboard) -> None:
    heard: list[tuple[Event, str, str]] = []
    keys = MidiInput(
        [MidiInSettings("keyboard")],
        midi,
        lambda event, source: heard.append((event, source, threading.current_thread().name)),
    )
    stop = threading.Event()
    thread = threading.Thread(target=keys.run, args=(stop,), name="midi-in")
    thread.start()
    try:
        keyboard.send(0x91, 60, 100)
        keyboard.send(0xF8)
        keyboard.send(0xFA)
        keyboard.send(0xF0, 1, 2, 0xF7)
        keyboard.send(0xFE)
        keyboard.send(0xB1, 123, 0)
        keyboard.send(0x91, 60, 0)
        assert wait_until(lambda: len(heard) == 5)
    finally:
        stop.set()
        thread.join()
        keys.close()
    expected = [NoteOn(1, 60, 100), ClockTick(), Start(), ControlChange(1, 123, 0), NoteOff(1, 60)]
    assert heard[:5] == [(event, "midi:keyboard:keys", "midi-in") for event in expected]
    assert [event for event, _, _ in heard[5:]] == [SourceLost()]
    assert (keys.received, keys.dropped) == (5, 0)


def test_truncated_messages_are_counted(midi: MidiSystem, keyboard: Keyboard) -> None:
    heard: list[Event] = []
    keys = MidiInput([MidiInSettings("keyboard")], midi, lambda event, _: heard.append(event))
    keyboard.send(0x90, 60)
    keyboard.send(0x90, 61, 1)

    def has_come() -> bool:
        keys.poll()
        return bool(heard)

    assert wait_until(has_come)
    keys.close()
    assert heard[0] == NoteOn(0, 61, 1)
    assert keys.dropped == 1


def test_an_unplugged_keyboard_is_released_and_comes_back(midi: MidiSystem, keyboard: Keyboard) -> None:
    heard: list[Event] = []
    keys = MidiInput([MidiInSettings("keyboard")], midi, lambda event, _: heard.append(event))

    def is_unplugged() -> bool:
        keys.check()
        return not keys.names

    keyboard.unplug()
    assert wait_until(is_unplugged)
    assert heard == [SourceLost()]
    assert keys.lost == 1
    keyboard.plug_in()

    def is_back() -> bool:
        keys.check()
        return bool(keys.names)

    assert wait_until(is_back)
    keyboard.send(0x90, 60, 1)

    def has_come() -> bool:
        keys.poll()
        return len(heard) == 2

    assert wait_until(has_come)
    keys.close()


def test_no_port_named_opens_a_virtual_one_and_leaves_other_programs_alone(
    midi: MidiSystem, keyboard: Keyboard
) -> None:
    keys = MidiInput([], midi, lambda event, source: None)
    assert keys.names == ["livegen in"]
    assert keys.warnings == []
    keys.check()
    assert keys.names == ["livegen in"]
    keys.close()


def test_a_program_that_was_connected_by_hand_is_released_when_it_is_gone(midi: MidiSystem, keyboard: Keyboard) -> None:
    import jack

    heard: list[tuple[Event, str]] = []
    keys = MidiInput([], midi, lambda event, source: heard.append((event, source)))
    keys.check()
    patch_bay = jack.Client("patch-bay", no_start_server=True)
    patch_bay.connect("keyboard:keys", "livegen:in")
    patch_bay.close()
    keys.check()
    assert heard == []

    def is_released() -> bool:
        keys.check()
        return bool(heard)

    keyboard.unplug()
    assert wait_until(is_released)
    keys.check()
    assert heard == [(SourceLost(), "midi:livegen in")]  # once
    assert (keys.lost, keys.names) == (1, ["livegen in"])
    keys.close()


def test_our_own_output_does_not_come_back(midi: MidiSystem) -> None:
    heard: list[Event] = []
    echo = EchoFilter(window_seconds=5.0)
    keys = MidiInput([], midi, lambda event, _: heard.append(event), echo=echo)
    with OutputPort(midi, None) as out:
        import jack

        patch_bay = jack.Client("patch-bay", no_start_server=True)
        patch_bay.connect("livegen:out", "livegen:in")
        for message in ([0x91, 60, 80], [0x81, 60, 0]):
            echo.sent(message, keys._now_seconds())
            out.send(message)
        out.send([0x91, 61, 80])  # not told to the filter: the performer's, as it were

        def has_come() -> bool:
            keys.poll()
            return bool(heard)

        assert wait_until(has_come)
        patch_bay.close()
    keys.close()
    assert heard == [NoteOn(1, 61, 80), SourceLost()]
    assert keys.echoes == 2


@pytest.fixture
def minilab(jack: str) -> Iterator[Keyboard]:
    minilab = Keyboard("minilab")
    yield minilab
    minilab.unplug()


def test_two_keyboards_keep_their_settings_however_they_come_and_go(
    midi: MidiSystem, keyboard: Keyboard, minilab: Keyboard
) -> None:
    heard: list[tuple[Event, str]] = []
    settings = [parse_settings("keyboard,voice=p1"), parse_settings("minilab,voice=tr,transpose=-12")]
    keys = MidiInput(settings, midi, lambda event, source: heard.append((event, source)))
    assert keys.described == ["keyboard:keys (plays P1)", "minilab:keys (plays TR, -12 semitones)"]

    def voice_of(played: Keyboard) -> Voice | None:
        heard.clear()
        played.send(0x90, 60, 100)

        def has_come() -> bool:
            keys.poll()
            return any(isinstance(event, NoteOn) for event, _ in heard)

        assert wait_until(has_come)
        wiring = keys.wiring_of(heard[-1][1])
        assert wiring is not None
        settings = wiring.settings_for(heard[-1][0])
        return None if settings is None else settings.voice

    def are_open(n_open: int) -> bool:
        keys.check()
        return len(keys.names) == n_open

    assert (voice_of(keyboard), voice_of(minilab)) == (Voice.P1, Voice.TR)
    keyboard.unplug()
    assert wait_until(lambda: are_open(1))
    assert keys.described[0] == "keyboard:keys (gone, plays again when it is back)"
    minilab.unplug()
    assert wait_until(lambda: are_open(0))
    minilab.plug_in()  # in the other order than they were opened
    assert wait_until(lambda: are_open(1))
    assert voice_of(minilab) is Voice.TR
    keyboard.plug_in()
    assert wait_until(lambda: are_open(2))
    assert (voice_of(keyboard), voice_of(minilab)) == (Voice.P1, Voice.TR)
    keys.close()


def test_two_keyboards_of_one_make_stay_what_they_were(midi: MidiSystem, minilab: Keyboard) -> None:
    twin = Keyboard("minilab-2")
    try:
        settings = [parse_settings("minilab,voice=p1"), parse_settings("minilab,voice=tr")]
        keys = MidiInput(settings, midi, lambda event, source: None)
        assert keys.warnings == []
        assert set(keys.names) == {"minilab:keys", "minilab-2:keys"}
        before = {name: keys.wiring_of(f"midi:{name}") for name in keys.names}

        def are_open(n_open: int) -> bool:
            keys.check()
            return len(keys.names) == n_open

        for each in (minilab, twin):
            each.unplug()
        assert wait_until(lambda: are_open(0))
        for n_open, each in ((1, twin), (2, minilab)):
            each.plug_in()
            assert wait_until(lambda n_open=n_open: are_open(n_open))
            assert {name: keys.wiring_of(f"midi:{name}") for name in keys.names}.items() <= before.items()
        keys.close()
    finally:
        twin.unplug()


def test_ports_that_both_have_stay_open_when_the_inputs_become_others(
    midi: MidiSystem, keyboard: Keyboard, minilab: Keyboard
) -> None:
    heard: list[tuple[Event, str]] = []
    lead, bass = parse_settings("keyboard,voice=p1"), parse_settings("minilab,voice=tr")
    keys = MidiInput([lead, bass], midi, lambda event, source: heard.append((event, source)))

    def rewire(*texts: str) -> list[str]:
        heard.clear()
        keys.rewire([parse_settings(text) for text in texts])
        keys.poll()
        return sorted(keys.described)

    def is_heard(played: Keyboard, key: int) -> bool:
        keys.check()
        played.send(0x90, key, 100)
        keys.poll()
        return any(event == NoteOn(0, key, 100) for event, _ in heard)

    lost = lambda name: (SourceLost(), f"midi:{name}:keys")  # noqa: E731  # its keys come up
    assert rewire("keyboard,voice=p1") == ["keyboard:keys (plays P1)"]
    assert heard == [lost("minilab")]  # and the other's keys sound on
    assert rewire("KEYB,voice=p2") == ["keyboard:keys (plays P2)"]  # the same port under another name
    assert heard == [lost("keyboard")]
    assert rewire("minilab", "moog,voice=p1") == ["minilab:keys", "moog (gone, plays again when it is back)"]
    assert wait_until(lambda: is_heard(minilab, 61))
    assert heard[0] == lost("keyboard")
    moog = Keyboard("moog")
    try:
        assert wait_until(lambda: is_heard(moog, 62))
        wiring = keys.wiring_of("midi:moog:keys")
        assert wiring is not None
        assert wiring.settings[0].voice is Voice.P1
        assert rewire() == ["livegen in"]
        assert set(heard) == {lost("minilab"), lost("moog")}
        assert rewire("minilab,voice=p1") == ["minilab:keys (plays P1)"]
    finally:
        moog.unplug()
        keys.close()


def test_one_keyboard_named_twice_is_refused_and_shared_by_channel(midi: MidiSystem, keyboard: Keyboard) -> None:
    heard: list[Event] = []
    twice = [parse_settings("keyboard,voice=p1"), parse_settings("keyb,voice=tr")]
    with pytest.raises(PortError, match="fits 'keyboard:keys' alone, which another --midi-in has already"):
        MidiInput(twice, midi, lambda event, source: None)
    by_channel = [parse_settings("keyboard,channel=1,voice=p1"), parse_settings("keyboard,channel=10,voice=no")]
    keys = MidiInput(by_channel, midi, lambda event, source: heard.append(event))
    assert keys.described == ["keyboard:keys (channel 1, plays P1; channel 10, plays NO)"]
    keyboard.send(0x90, 60, 100)

    def has_come() -> bool:
        keys.poll()
        return bool(heard)

    assert wait_until(has_come)
    assert heard == [NoteOn(0, 60, 100)]  # once
    keys.close()


def test_a_port_that_is_not_there_stops_the_start(midi: MidiSystem) -> None:
    with pytest.raises(PortError, match="'moog'"):
        MidiInput([MidiInSettings("moog")], midi, lambda event, source: None)
