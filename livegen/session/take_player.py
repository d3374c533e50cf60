"""Plays a take on an audio device in real time, without the model."""

import time
from collections.abc import Callable
from typing import Final

from livegen.events import SourceLost
from livegen.offline.playback import Playback
from livegen.session.clock import AudioClock
from livegen.session.sound.card import Card
from livegen.session.sound.speaker import Speaker
from livegen.takes.recording import Recording
from livegen.units import sample_to_frame

_NAP_SECONDS: Final = 0.002


def play_live(
    recording: Recording,
    card: Card | None,
    sample_rate: int,
    has_ended: Callable[[float], bool],
    *,
    n_channels: int = 2,
    first: int = 0,
    on_frame: Callable[[int], None] = lambda frame_index: None,
) -> None:
    """Play a recording on an audio device in real time, to its end or until told to stop.

    Parameters
    ----------
    recording : Recording
    card : Card or None
        Has begun. None is the null clock.
    sample_rate : int
        In Hz.
    has_ended : callable
        Waits up to the given number of seconds to be told to stop, and returns whether it was.
    n_channels : int
    first : int
        Frame to begin with, as in `Playback`.
    on_frame : callable
        Called with the index of each frame that begins to sound.

    Raises
    ------
    AudioError
        If the device cannot be opened or started.
    """
    record = None if card is None else card.record
    player = Playback(recording, sample_rate, first, n_channels=n_channels, record=record)
    instrument, clock = player.instrument, AudioClock(player.instrument.callback)
    player.publish(first)
    speaker = Speaker(instrument.callback, card)
    try:
        speaker.start()
        frame_index = -1
        while not has_ended(_NAP_SECONDS):
            sample = clock.sample_at(time.perf_counter_ns())
            for _ in player.due_events(sample):
                pass  # the event sounds in the next block
            sounding = player.start + sample_to_frame(sample, sample_rate)
            if sounding >= len(recording.frames):
                break
            if sounding > frame_index:
                frame_index = sounding
                player.publish(frame_index)
                speaker.check()
                on_frame(frame_index)
    finally:
        for source in {stamped.source for stamped in recording.events}:
            instrument.receive(SourceLost(), source, 0)
        speaker.stop()
