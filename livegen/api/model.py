"""Models that are loaded, to be played by several renders or sessions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from livegen.controls import SAME
from livegen.engines.cast import Cast
from livegen.engines.checkpoint import load_cast
from livegen.engines.protocol import Engine
from livegen.errors import CheckpointError
from livegen.voices import VOICE_OF_NAME, Voice


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One or several models that are loaded; made by `load_model`.

    Attributes
    ----------
    cast : Cast
        Which model plays which voice, each by its name or its folder.
    engine : Engine
        What plays them, see `livegen.engines.protocol`.

    Examples
    --------
    >>> from livegen.api import load_model
    >>> solo = load_model("solo")
    >>> solo.name, solo.voices
    ('solo', ('p1',))
    """

    cast: Cast
    engine: Engine

    @property
    def name(self) -> str:
        """Name of the model, or ``default, no=gan`` where a voice has one of its own.

        Examples
        --------
        >>> from livegen.api import load_model
        >>> load_model("default", {"no": "gan"}).name
        'default, no=gan'
        """
        return str(self.cast)

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices that it plays, of ``p1``, ``p2``, ``tr``, ``no``.

        Examples
        --------
        >>> from livegen.api import load_model
        >>> load_model().voices
        ('p1', 'p2', 'tr', 'no')
        """
        return tuple(voice.name.lower() for voice in self.engine.info.voices)


def load_model(name: str | Path = "default", voices: Mapping[str, str | Path] | None = None) -> Model:
    """Load a model, or several that play together.

    Parameters
    ----------
    name : str or Path
        A model's name, as `livegen models` lists them, or its folder.
    voices : mapping of str to str or Path, optional
        Models of their own for voices: ``{"no": "gan"}``.

    Returns
    -------
    Model

    Raises
    ------
    livegen.errors.CheckpointError
        If a model is missing or damaged, or a voice is none of ``p1``, ``p2``, ``tr``, ``no``.

    Examples
    --------
    >>> from livegen.api import load_model
    >>> load_model("gan").name
    'gan'
    """
    own = {_voice(voice): str(model) for voice, model in (voices or {}).items()}
    cast = Cast(str(name), tuple(own.get(voice, SAME) for voice in Voice))
    return Model(cast, load_cast(cast))


def _voice(name: str) -> Voice:
    voice = VOICE_OF_NAME.get(name.lower())
    if voice is None:
        raise CheckpointError(f"there is no voice {name!r} for a model: allowed is {', '.join(VOICE_OF_NAME)}")
    return voice
