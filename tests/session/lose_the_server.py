"""A program for a test: a session whose JACK server dies and comes back; says what became of the music."""

import json
import os
import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from hash_engine import HashEngine
from jack_server import jack_server
from recorded_jam import TOLD
from remote_port import RemotePort
from waiting import wait_until

from livegen.patch import load_patch
from livegen.session.build import build_session
from livegen.session.session import Session
from livegen.session.settings import Settings
from livegen.takes.replay import check
from livegen.takes.take import Take


class Sentences:
    """Who listens to the session's news."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def announce(self, name: str, value: object) -> None:
        """Take no notice."""

    def refuse(self, name: str, reason: str) -> None:
        """Take no notice."""

    def tell_news(self, sentence: str, about: Collection[str] = ()) -> None:
        """Keep it."""
        self.said.append(sentence)


def keyboard() -> RemotePort:
    """Plug in a keyboard, as soon as the server lists the port that it goes to."""
    return RemotePort("out", "keyboard", "keys", "livegen:in")


def sends(keyboard: RemotePort, session: Session, status: int, n_held: int) -> bool:
    """Send a key until the session has heard it: what falls into a cycle that a program is late for is lost."""

    def is_heard() -> bool:
        keyboard.send(status, 60, 100)
        return len(session.instrument.held_keys) == n_held

    return wait_until(is_heard)


def sounds(session: Session) -> bool:
    """Wait until the sound card plays something that can be heard."""
    callback = session.instrument.callback
    callback["stats"]["mix_level"] = 0.0
    return wait_until(lambda: bool(not callback["is_detached"] and callback["stats"]["mix_level"] > 0.01))


def main() -> None:
    name, folder = f"livegen-lost-{os.getpid()}", Path(sys.argv[1])
    found: dict[str, object] = {}
    with jack_server(name) as server:
        settings = Settings(audio="JACK", midi_api="jack", osc_port=0, take=replace(TOLD, folder=folder))
        session = build_session(HashEngine(), load_patch("plain"), settings)
        listener = Sentences()
        session.audience.append(listener)
        session.start(lambda: None)
        keys = keyboard()
        found["sounded"] = sends(keys, session, 0x90, 1) and sounds(session)
        server.kill()
        server.wait()
        keys.unplug()
        found["noticed"] = wait_until(lambda: session.speaker.losses == 1)
        found["released"] = wait_until(lambda: not session.instrument.held_keys)
        horizon = session.instrument.state.horizon
        found["went on"] = wait_until(lambda: session.instrument.state.horizon > horizon + 12)
    with jack_server(name):
        found["came back"] = sounds(session) and wait_until(lambda: all(map(len, session.status.midi_ports())))
        keys = keyboard()
        found["keys are heard again"] = sends(keys, session, 0x90, 1) and sends(keys, session, 0x80, 0)
        keys.unplug()
        wait_until(lambda: len(listener.said) == 2)
        session.stop()
    found["faults"], found["said"] = session.status.faults, listener.said
    found["differences"] = len(check(Take(session.recorder.folder), HashEngine()).difference)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
