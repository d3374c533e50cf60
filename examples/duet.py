"""Plays a MIDI file to a jam by OSC, and tells what the model is set to: with mido and python-osc alone.

Start a jam (`livegen jam`), then: python duet.py [FILE.mid] [--port 9124]
"""

import argparse
import time

import mido
from pythonosc.udp_client import DispatchClient

LINE = [60, 64, 67, 72, 71, 67, 64, 60]
VELOCITY_MAX = 127


def a_line() -> mido.MidiFile:
    """Return a line of our own, for who has no file at hand: eight keys, four a second."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = file.add_track()
    for key in LINE:
        track.append(mido.Message("note_on", note=key, velocity=90, time=0))
        track.append(mido.Message("note_off", note=key, time=240))
    return file


def main() -> None:
    """Play the file, and print what livegen answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9124)
    asked = parser.parse_args()
    jam = DispatchClient(asked.host, asked.port)
    jam.dispatcher.map("/livegen/*", lambda address, *values: print(address, *values, flush=True))
    jam.send_message("/livegen/temperature", 0.8)  # sets it; without a value it is asked for
    jam.send_message("/livegen/mode", [])
    file = mido.MidiFile(asked.file) if asked.file else a_line()
    for message in file:
        time.sleep(message.time)
        if message.type in ("note_on", "note_off"):
            # Channels count from 1 in OSC, as on a keyboard's display; 0 lets the key go.
            loud = message.velocity / VELOCITY_MAX if message.type == "note_on" else 0.0
            jam.send_message("/livegen/note", [message.channel + 1, message.note, loud])
    jam.handle_messages(1.0)
    print("the end", flush=True)


if __name__ == "__main__":
    main()
