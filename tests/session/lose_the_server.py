"""A program for a test: a session whose JACK server dies under it; says what became of the music."""

import json
import os
import sys

from hash_predictor import HashPredictor
from jack_server import jack_server
from waiting import wait_until

from livegen.patch import load_patch
from livegen.session.build import build_session
from livegen.session.settings import Settings


def main() -> None:
    name = f"livegen-lost-{os.getpid()}"
    with jack_server(name) as server:
        session = build_session(
            HashPredictor(), load_patch("plain"), Settings(audio="JACK", midi_api="none", osc_port=0)
        )
        session.start(lambda: None)
        sounded = wait_until(lambda: bool(session.instrument.callback["stats"]["levels"].max() > 0.1))
        server.kill()
        server.wait()
        noticed = wait_until(lambda: session.speaker.losses == 1)
        sample, horizon = int(session.instrument.callback["sample"][0]), session.instrument.state.horizon
        went_on = wait_until(
            lambda: (
                bool(session.instrument.callback["sample"][0] > sample + 24_000)
                and session.instrument.state.horizon > horizon
            )
        )
        said = session.speaker.name
        session.stop()
    with jack_server(name):  # takes the dead one's place in JACK's register, which holds eight, and leaves it
        pass
    sys.stdout.write(json.dumps([sounded, noticed, went_on, session.status.faults, said]))


if __name__ == "__main__":
    main()
