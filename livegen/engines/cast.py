"""Which model plays which voice, by the names of the models."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from livegen.controls import MODEL_CONTROLS, SAME
from livegen.voices import VOICE_OF_NAME, Voice


@dataclass(frozen=True, slots=True)
class Cast:
    """Which model plays which voice.

    Attributes
    ----------
    model : str
        The model of all voices that have none of their own: its name, or its folder where nothing is loaded yet.
    of_voice : tuple of str
        By voice, a model of its own, or `SAME`.
    """

    model: str
    of_voice: tuple[str, ...] = (SAME,) * len(Voice)

    def __getitem__(self, voice: Voice) -> str:
        """Return the model that plays a voice."""
        own = self.of_voice[voice]
        return self.model if own == SAME else own

    def __str__(self) -> str:
        """Name the models as options do: ``default, no=gan``."""
        own = (f"{voice.name.lower()}={name}" for voice, name in self.own.items())
        return ", ".join((self.model, *own))

    @property
    def own(self) -> Mapping[Voice, str]:
        """The models of those voices that have one of their own."""
        return {voice: name for voice, name in zip(Voice, self.of_voice, strict=True) if name != SAME}

    @property
    def models(self) -> tuple[str, ...]:
        """All models, each once, the one of most voices first."""
        return tuple(dict.fromkeys((self.model, *self.own.values())))

    @property
    def controls(self) -> Mapping[str, str]:
        """The cast as live controls have it: ``model``, and ``no.model`` with a model or `SAME`, and so on."""
        return {
            control: self.model if voice is None else self.of_voice[voice] for control, voice in MODEL_CONTROLS.items()
        }

    def with_voice(self, voice: Voice, model: str) -> "Cast":
        """Return the cast with a model, or `SAME`, for one voice."""
        return replace(self, of_voice=(*self.of_voice[:voice], model, *self.of_voice[voice + 1 :]))


def parse_voice_model(text: str) -> tuple[Voice, str] | None:
    """Return the voice and the model of ``no=gan``; None where the text is the name or the folder of a model alone."""
    name, equals, model = text.partition("=")
    voice = VOICE_OF_NAME.get(name.strip().lower())
    return None if voice is None or not equals else (voice, model.strip())
