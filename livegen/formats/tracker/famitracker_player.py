"""Plays a song of FamiTracker's tick by tick: order list, speed, tempo and grooves."""

from dataclasses import replace
from typing import Final

from livegen.formats.score.piece import Piece
from livegen.formats.tracker.famitracker_channel import IGNORED_EFFECTS, Channel
from livegen.formats.tracker.famitracker_reader import STEERING
from livegen.formats.tracker.famitracker_song import EMPTY, Cell, Module, Track
from livegen.formats.tracker.ticks import PLAYER_SUFFIX, Recorder, RowClock
from livegen.score import Voice

_USUAL_SPEED: Final = 6


def play_track(name: str, module: Module, track: Track) -> tuple[Piece, set[str]]:
    """Play a song until it ends or comes to a row again.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    module : Module
    track : Track

    Returns
    -------
    piece : Piece
    left_out : set of str
        What was not played.

    Raises
    ------
    FormatError
        If it does not end within an hour.
    """
    player = _Player(name, module, track)
    while player.step():
        pass
    title = module.tags.title or track.title
    return player.recorder.piece(replace(module.tags, title=title)), player.left_out


class _Player:
    """A song that is played."""

    def __init__(self, name: str, module: Module, track: Track) -> None:
        self._module, self._track = module, track
        self.recorder = Recorder(name, module.rate_hz)
        self.left_out: set[str] = set()
        self._channels = [Channel(voice, module) for voice in Voice]
        self._of_player = {index for index, said in module.names.items() if said.endswith(PLAYER_SUFFIX)}
        self._n_orders = max(track.orders, default=-1) + 1
        self._order = self._row = 0
        self._seen: set[tuple[int, int]] = set()
        self._groove: tuple[int, ...] = ()
        self._groove_at = 0
        self._speed, self._tempo = max(track.speed, 1), track.tempo
        if track.uses_groove:
            self._groove = module.grooves.get(track.speed, ())
            self._speed = self._groove[0] if self._groove else _USUAL_SPEED
        self._clock = RowClock(module.rate_hz)
        self._jump = self._skip = -1
        self._halts = False

    def step(self) -> bool:
        """Play a row; return whether there is another one."""
        if (self._order, self._row) in self._seen or self._order >= self._n_orders:
            return False
        self._seen.add((self._order, self._row))
        if self._groove:
            self._speed = self._groove[self._groove_at]
            self._groove_at = (self._groove_at + 1) % len(self._groove)
        cells = self._cells()
        for cell in cells:
            self._steer(cell)
        if self._halts:
            return False
        for channel, cell in zip(self._channels, cells, strict=False):
            if cell is EMPTY and not channel.waits:
                continue
            self.left_out.update(IGNORED_EFFECTS[letter] for letter, _ in cell.effects if letter in IGNORED_EFFECTS)
            channel.play(cell)
        self._play_ticks()
        self._advance()
        return True

    def _cells(self) -> list[Cell]:
        patterns = self._track.orders.get(self._order, ())
        return [
            self._track.patterns.get((channel, pattern), {}).get(self._row, EMPTY)
            for channel, pattern in enumerate(patterns)
        ] or [EMPTY] * len(self._channels)

    def _steer(self, cell: Cell) -> None:
        """Do what a cell says of the whole song."""
        for letter, parameter in cell.effects:
            if letter not in STEERING:
                continue
            if letter == "B":
                self._jump = parameter
            elif letter == "C":
                self._halts = True
            elif letter == "D":
                self._skip = parameter
            elif letter == "O":
                groove = self._module.grooves.get(parameter % 32)
                if groove:
                    self._groove, self._groove_at, self._speed = groove, 1 % len(groove), groove[0]
            elif self._tempo and parameter >= self._module.split:
                self._tempo = max(parameter, 1)
            else:
                self._speed, self._groove = max(parameter, 1), ()

    def _play_ticks(self) -> None:
        """Play the ticks of a row."""
        for _ in self._clock.row(self._speed, self._tempo):
            self.recorder.add([channel.tick() for channel in self._channels], self._played())

    def _played(self) -> list[bool]:
        """Return which voices play an instrument of the performer's."""
        return [channel.instrument in self._of_player for channel in self._channels]

    def _advance(self) -> None:
        if self._jump >= 0:
            self._order, self._row = min(self._jump, self._n_orders - 1), 0
        elif self._skip >= 0:
            self._order, self._row = (self._order + 1) % self._n_orders, min(self._skip, self._track.n_rows - 1)
        else:
            self._row += 1
            if self._row >= self._track.n_rows:
                self._order, self._row = (self._order + 1) % self._n_orders, 0
        self._jump = self._skip = -1
