"""The list of demos, `demos/README.md`: what is there, and the command that makes each."""

import re
import shlex
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).parents[2] / "demos"
FIGURES: Final = FOLDER / "figures.json"

_SECTION: Final = re.compile(r"^## (\w+)$(.*?)(?=^## |\Z)", re.M | re.S)
_COMMAND: Final = re.compile(r"^ {4}(livegen render .*)$", re.M)


class Demo(NamedTuple):
    """A demo: its name, and the words of its command, whose second but one is the file."""

    name: str
    words: tuple[str, ...]

    @property
    def sound(self) -> Path:
        """The file that is listened to."""
        return FOLDER / f"{self.name}.opus"


def read_table() -> list[Demo]:
    """Return the demos in their order.

    Raises
    ------
    ValueError
        If a section has not one command, or the command writes another file than that of its name.
    """
    demos = []
    for name, told in _SECTION.findall((FOLDER / "README.md").read_text(encoding="utf-8")):
        commands = _COMMAND.findall(told)
        if len(commands) != 1 or shlex.split(commands[0])[2] != f"{name}.flac":
            raise ValueError(f"the section {name} of demos/README.md needs one command, livegen render {name}.flac")
        demos.append(Demo(name, tuple(shlex.split(commands[0]))))
    return demos
