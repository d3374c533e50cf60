"""Flood a jam with OSC and measure what becomes of it: `python tools/osc_flood.py [--seconds 60] [-- JAM OPTIONS]`.

A `livegen jam` is started as a process of its own. Messages go to every number and switch of the table in turn,
2,000 a second, but for `lookahead`: to plan further ahead costs more, whoever asks for it. Twenty times a second a
probe sets `p2.volume`, which nothing else here touches, to a value never used before, and its time is taken twice:
until an ask on another socket returns it, in force for the sound, and until it is announced, in force for the score.
What the system dropped before livegen could read it is in /proc/net/udp.

`--rate 0` is the control: the same jam and probe without the flood, for the underflows that the machine has anyway.
"""

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import build_msg

from livegen.controls import CONTROLS, osc_address

PROBE = "p2.volume"
BURST = 10  # messages: a sleep is no finer than this at 2,000 a second
PROBE_SECONDS = 0.05
OSC_PORT = r"OSC: [\d.]+:(\d+)"


def main() -> None:
    """Run it and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=2000.0, help="messages a second")
    parser.add_argument("jam", nargs="*", help="options of livegen jam, after --")
    options = parser.parse_args()
    with tempfile.TemporaryFile("w+") as words:
        command = [sys.executable, "-m", "livegen", "jam", "--osc-port", "0", *options.jam]
        jam = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
        try:
            port = int(said(jam, words, OSC_PORT)[0])
            time.sleep(3.0)
            sys.stdout.write(json.dumps(flood(port, options.seconds, options.rate)) + "\n")
        finally:
            jam.terminate()
            jam.wait(20.0)
            words.seek(0)
            sys.stderr.write(words.read())


def said(jam: subprocess.Popen[bytes], words: Any, *patterns: str) -> list[str]:
    """Return what the first group of each pattern finds in the words of a jam, once it has said all of them."""
    while jam.poll() is None:
        words.seek(0)
        text = words.read()
        found = [match[1] for pattern in patterns if (match := re.search(pattern, text))]
        if len(found) == len(patterns):
            return found
        time.sleep(0.1)
    raise SystemExit(f"livegen jam ended with {jam.returncode}")


class Client:
    """A UDP socket that speaks OSC to the jam."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setblocking(False)

    def send(self, packet: bytes) -> None:
        """Send one packet."""
        self._socket.send(packet)

    def receive(self) -> list[tuple[str, list[Any]]]:
        """Return the messages that have come."""
        messages = []
        while True:
            try:
                message = OscMessage(self._socket.recv(8192))
            except BlockingIOError:
                return messages
            messages.append((message.address, message.params))


def packets_to(names: Iterable[str]) -> list[bytes]:
    """Return one round of messages: each control, a number or a switch, to two values."""
    packets = []
    for share, name in product((0.25, 0.75), names):
        control = CONTROLS[name]
        value = control.minimum + share * (control.maximum - control.minimum)
        packets.append(build_msg(osc_address(name), [float(value)]).dgram)
    return packets


def flood(port: int, seconds: float, rate: float) -> dict[str, Any]:
    """Return what was sent, lost and measured."""
    flooder, prober, asker = Client(port), Client(port), Client(port)
    ask = build_msg(osc_address(PROBE), []).dgram
    asker.send(build_msg("/livegen/register", []).dgram)
    before = heartbeat(asker)
    flooded = [name for name, control in CONTROLS.items() if control.kind in ("float", "int", "bool")]
    packets = packets_to(name for name in flooded if name not in (PROBE, "lookahead"))
    n_sent = n_probes = n_asks = 0
    sound_ms: list[float] = []
    score_ms: list[float] = []
    waiting: dict[float, float] = {}
    wanted, sent_at, is_heard = -1.0, 0.0, True
    began = time.perf_counter()
    next_probe = began
    while (now := time.perf_counter()) < began + seconds:
        while n_sent < (now - began) * rate:
            for _ in range(BURST):
                flooder.send(packets[n_sent % len(packets)])
                n_sent += 1
        flooder.receive()
        if now >= next_probe:
            next_probe += PROBE_SECONDS
            n_probes += 1
            wanted, sent_at, is_heard = float(np.float32((n_probes % 10_000) / 10_000)), now, False
            prober.send(build_msg(osc_address(PROBE), [wanted]).dgram)
            waiting[round(wanted, 4)] = now
        if not is_heard:
            asker.send(ask)
            n_asks += 1
        for address, arguments in asker.receive():
            if not is_heard and address == osc_address(PROBE) and abs(arguments[0] - wanted) < 1e-6:
                sound_ms.append(1000 * (time.perf_counter() - sent_at))
                is_heard = True
        for _, arguments in prober.receive():
            if round(arguments[0], 4) in waiting:  # else another probe came in the same frame
                score_ms.append(1000 * (time.perf_counter() - waiting.pop(round(arguments[0], 4))))
        time.sleep(0.0005)
    time.sleep(1.0)
    asker.receive()
    after = heartbeat(asker)
    n_messages = n_sent + n_probes + n_asks
    received = after[3] - before[3]
    return {
        "sent": n_messages,
        "received": received,
        "lost": n_messages - received,
        "dropped_by_socket": _socket_drops(port),
        "refused": after[4] - before[4],
        "late_frames": after[1] - before[1],
        "underflows": after[2] - before[2],
        "in_force_for_the_sound_ms": figures(sound_ms),
        "in_force_for_the_score_ms": figures(score_ms),
        "load": Path("/proc/loadavg").read_text().split()[:3],
    }


def heartbeat(client: Client) -> list[Any]:
    """Return the numbers of the next heartbeat."""
    while True:
        for address, arguments in client.receive():
            if address == "/livegen/heartbeat":
                return arguments
        time.sleep(0.01)


def figures(times: list[float]) -> dict[str, float]:
    """Return what times in milliseconds come to."""
    return {
        "n": len(times),
        "p50": round(float(np.percentile(times, 50)), 2),
        "p99": round(float(np.percentile(times, 99)), 2),
        "max": round(max(times), 2),
    }


def _socket_drops(port: int) -> int:
    """Return how many packets the system dropped because the socket's buffer was full."""
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == port:
            return int(fields[-1])
    return -1


if __name__ == "__main__":
    main()
