"""The status screen of `jam`: it shows who plays, what sounds, and whether anything goes wrong."""

import time
from types import TracebackType
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from livegen.cli.invitation import invitation, note_name
from livegen.controls import VOICE_PREFIX
from livegen.inputs.terminal import HELP
from livegen.performance.tempo import Tempo
from livegen.score import Column
from livegen.score_table import MODEL, OFF
from livegen.session.session import Session
from livegen.session.songs import Songs

_METER_WIDTH: Final = 12


def tempo_text(tempo: Tempo, frame: float, beats_a_bar: int) -> str:
    """Return the tempo at a time in frames, with its source and bar.beat, and the number of Link peers."""
    peers = f"{tempo.link.n_peers} peer{'s' * (tempo.link.n_peers != 1)}"
    link = "" if tempo.link.line is None else f" · Link: {peers}"
    if tempo.source == "none":
        return f"tempo free{link}"
    bar, beat = tempo.bar_and_beat_at(frame, beats_a_bar)
    source = f"{tempo.source}, lost" if tempo.is_lost_at(frame) else tempo.source
    return f"{tempo.bpm:.1f} BPM ({source}) · {bar}.{beat}{link}"


def songs_text(songs: Songs) -> str:
    """Return which song of a set-list plays, and which is to come, before other words; empty without a set-list."""
    if songs.scene is None:
        return ""
    then = songs.current + 1 if songs.wanted is None else songs.wanted
    following = f", then {songs.names[then]}" if then < len(songs.scenes) else ""
    return f"{songs.current + 1}/{len(songs.scenes)} {songs.scene.name}{following} · "


class Screen:
    """Shows a session while it plays. Without a terminal, it prints once what the user should know.

    Parameters
    ----------
    session : Session
    console : Console
        On stderr, so that stdout stays free.
    page : str
        Address of the stage page; empty if it is not served.
    """

    def __init__(self, session: Session, console: Console, *, page: str = "") -> None:
        self._page = page
        self._session = session
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> "Screen":
        if self._console.is_terminal:
            self._live.start()
            self.update()
        else:
            lines = [*self._surroundings(), invitation(self._session, self._page).plain]
            self._console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()

    def update(self) -> None:
        """Show the present state; never raises, because the music must go on if the terminal fails."""
        if not self._console.is_terminal:
            return
        try:
            self._live.update(self._picture(), refresh=True)
        except Exception as error:
            self._session.status.count_fault("screen", error)

    def _surroundings(self) -> list[str]:
        session = self._session
        lines = [
            f"sound: {session.speaker.name}, {session.clock.sample_rate} Hz",
            session.status.ports(),
            session.status.take(),
        ]
        lines += [f"page: {self._page}"] if self._page else []
        notes = [*session.warnings, session.casting]
        return lines + [f"note: {note}" for note in notes if note and note != session.desk.news]

    def _picture(self) -> Group:
        session = self._session
        values = session.instrument.values
        listens = "" if session.instrument.state.ears is None else " (listens)"
        title = f"livegen · {songs_text(session.desk.songs)}{session.desk.patch} · model {session.cast}{listens}"
        voices = Table(box=None, padding=(0, 2), title=title, title_justify="left", title_style="bold")
        for heading, width in (("voice", 5), ("role", 22), ("note", 4), ("level", _METER_WIDTH)):
            voices.add_column(heading, width=width)  # fixed, so that nothing jumps while it plays
        step = session.status.sounding_step()
        levels = session.instrument.callback["stats"]["levels"][0]
        has_voices, silent = session.instrument.model_voices, session.silent_voices
        for voice, prefix in VOICE_PREFIX.items():
            role = str(values[prefix + "role"])
            note = 0 if step is None else int(step.planned.frame[voice, Column.NOTE])
            owner = None if step is None else step.planned.owner[voice]
            played_by = role
            if voice in silent:
                played_by = "none in this model"
            elif role == "player" and owner == MODEL and voice in has_voices:
                played_by = "model (until you play)"
            if values[prefix + "mute"]:
                played_by = f"{role}, muted"  # in words, since not every terminal shows what is dim
            style = "dim" if owner == OFF or values[prefix + "mute"] else "green" if role == "player" else "cyan"
            meter = "█" * round(min(levels[voice], 1.0) * _METER_WIDTH)
            voices.add_row(voice.name, played_by, note_name(voice, note), meter, style=style)
        keys = HELP if session.has_terminal else "Ctrl-C quits"
        surroundings = (Text(line, style="dim") for line in self._surroundings())
        said = (Text(line, style="bold") for line in session.said if line)
        hands = invitation(session, self._page)
        # what does not fit on a small terminal is cut off below
        return Group(voices, hands, self._numbers(), *said, Text(keys, style="dim"), *surroundings)

    def _numbers(self) -> Text:
        session = self._session
        values, stats = session.instrument.values, session.instrument.callback["stats"][0]
        position = session.clock.position_at(time.perf_counter_ns())
        tempo = tempo_text(session.instrument.state.tempo, position, int(values["beats_a_bar"]))
        state = str(values["mode"]) if session.instrument.state.is_running else "stopped"
        text = Text(
            f"{state} {session.seconds():.0f} s · {tempo}\n"
            f"temperature {values['temperature']:.2f} · "
            f"top_p {values['top_p']:.2f} · volume {values['volume']:.2f} · "
            f"key to sound about {session.status.key_to_sound_ms():.1f} ms (blocks of {session.clock.block_samples()}, "
            f"device {1000.0 * session.speaker.latency_seconds:.1f} ms)\n"
            f"{session.status.frames_in_hand()} frames in hand · {int(stats['late_frames'])} late frames · "
            f"{int(stats['underflows'])} underflows"
        )
        for trouble in session.status.troubles():
            text.append(f"\n{trouble}", style="yellow")
        return text
