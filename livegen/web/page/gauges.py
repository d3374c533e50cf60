"""The numbers in the pages' gauges: the state of the session at one moment, as a dict that JSON can hold."""

import math
import time
from typing import Any, Final

from livegen.performance.cues.cue import NEVER, Cue
from livegen.performance.harmony.walk import name_of
from livegen.performance.state import State
from livegen.performance.tempo import Tempo
from livegen.session.session import Session
from livegen.units import FRAME_RATE_HZ
from livegen.voices import Voice

GAUGES_SECONDS: Final = 0.1
"""Time from one update of the gauges to the next."""


def gauges(session: Session) -> dict[str, Any]:
    """Return the fields of a ``gauges`` message, which `livegen.web.wire` lists. Any thread may call this."""
    instrument, clock, status = session.instrument, session.clock, session.status
    state, stats = instrument.state, instrument.callback["stats"][0]
    midi_in, midi_out = status.midi_ports()
    seconds = round(max(session.seconds(), 0.0), 1)
    heard = session.heard_position_at(time.perf_counter_ns())
    return {
        "seconds": seconds,
        "song_seconds": round(max(heard - state.song_from, 0.0) / FRAME_RATE_HZ, 1),
        "is_running": state.is_running,
        "levels": [round(min(level, 1.0), 3) for level in stats["levels"].tolist()],
        "mix": round(min(float(stats["mix_level"]), 1.0), 3),
        "frames_in_hand": status.frames_in_hand(),
        "late_frames": int(stats["late_frames"]),
        "underflows": int(stats["underflows"]),
        "key_to_sound_ms": round(status.key_to_sound_ms(), 1),
        "block_samples": clock.block_samples(),
        "sound": session.speaker.name,
        "sound_ms": round(1000.0 * session.speaker.latency_seconds, 1),
        "tempo": _tempo(state.tempo, heard, int(state.values["beats_a_bar"])),
        "midi_in": midi_in,
        "midi_out": midi_out,
        "take": None if session.recorder is None else {"folder": str(session.recorder.folder), "seconds": seconds},
        "patch": session.desk.patch,
        "model": session.model,
        "engines": {
            name: {
                "voices": [voice.name.lower() for voice in kind.voices],
                "latents": list(kind.latents),
                "stored": session.desk.pads.names(name),
            }
            for name, kind in session.kinds.items()
        },
        "cast": {voice.name.lower(): name for voice, name in session.cast.own.items()},
        "memories": list(state.machine.memories),
        "learning": session.desk.knobs.learning,
        "learning_press": session.desk.knobs.learning_press,
        "cues": [_cue(cue) for cue in state.cues.pending],
        "count_in": None if state.count_in is None else _beats_to(state, state.count_in.until.beats, heard),
        "foretold": _foretold(state, heard),
        "lacks": [voice.name.lower() for voice in Voice if voice not in instrument.model_voices],
        "troubles": [*filter(None, [session.casting]), *status.troubles()],
    }


def _cue(cue: Cue) -> dict[str, Any]:
    frames = {"begin": cue.begin, "strike": cue.strike, "until": cue.until}
    at = {
        what: None if mark is None or mark.frame_index >= NEVER else mark.frame_index for what, mark in frames.items()
    }
    return {"name": cue.name, "voice": None if cue.voice is None else cue.voice.name.lower(), **at}


def _foretold(state: State, frame: float) -> list[str]:
    """Return the conductor's chords from the frame that is heard on as far as they are planned, where they lead."""
    if not state.values["chord_pull"] or state.values["chord_from"] != "model":
        return []
    chords = (step.context.chord for step in state.timeline.since(math.floor(frame)))
    return list(dict.fromkeys(name_of(chord) for chord in chords if chord is not None))


def _beats_to(state: State, beats: float, frame: float) -> int:
    """Return how many beats there are from the one that is heard to a place."""
    return max(math.ceil(beats - state.tempo.beats_at(frame)), 0)


def _tempo(tempo: Tempo, frame: float, beats_a_bar: int) -> dict[str, Any] | None:
    if tempo.source == "none":
        return None
    bar, beat = tempo.bar_and_beat_at(frame, beats_a_bar)
    return {
        "bpm": round(tempo.bpm, 1),
        "source": tempo.source,
        "is_lost": tempo.is_lost_at(frame),
        "bar": bar,
        "beat": beat,
        "peers": tempo.link.n_peers,
    }
