"""The patches and models that a session can change to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from livegen.errors import RigError
from livegen.patch import Patch, list_patches, load_patch
from livegen.rig.values import Rig
from livegen.system.resources import model_folder, shipped_models


@dataclass(frozen=True, slots=True)
class Library:
    """The patches and models that a session can change to.

    Patches are loaded, so that changing to one reads no file. Models are not loaded, because each takes some megabytes.

    Attributes
    ----------
    patches : mapping of str to Patch
        Patches by name.
    programs : tuple of str
        Names of the patches that MIDI program changes pick, from program 0 on.
    texts : mapping of str to str
        For each patch that a rig gives as a file: the path in the rig, by the patch's name.
    models : mapping of str to str
        What a rig calls each model, by its name: the same name, or the path of its folder.
    """

    patches: Mapping[str, Patch] = field(default_factory=dict)
    programs: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)

    def patch_name(self, text: str) -> str:
        """Return the name of the patch that a rig gives as a name or a file."""
        return next((name for name, each in self.texts.items() if each == text), text)

    def model_name(self, text: str) -> str:
        """Return the name of the model that a rig gives as a name or a folder."""
        return next((name for name, each in self.models.items() if each == text), text)


def load_library(rig: Rig, models: Sequence[str] = (), others: Sequence[Rig] = ()) -> Library:
    """Return the patches and models that livegen ships and those that rigs name.

    Program changes pick the patches that the rig names, or all shipped ones if it names none.

    Parameters
    ----------
    rig : Rig
        With which the session begins.
    models : sequence of str
        More models, by name or folder.
    others : sequence of Rig
        Those that the session may change to.

    Raises
    ------
    PatchError, CheckpointError
        If a patch or a model that is named does not exist.
    RigError
        If two patches, or two models, of different places have the same name.
    """
    shipped = {name: load_patch(name) for name in list_patches()}
    patches, texts = dict(shipped), dict[str, str]()
    for text in dict.fromkeys(_patch_texts((rig, *others))):
        if text not in shipped:
            patch = load_patch(text)
            _know("patches", patch.name, text, texts)
            patches[patch.name] = patch
    known = {name: name for name in shipped_models()}
    for text in dict.fromkeys((*models, *_model_texts((rig, *others)))):
        if text not in known:
            _know("models", model_folder(text).resolve().name, text, known)
    library = Library(patches, tuple(shipped), texts, known)
    return library if rig.patches is None else replace(library, programs=tuple(map(library.patch_name, rig.patches)))


def _patch_texts(rigs: Iterable[Rig]) -> Iterator[str]:
    for rig in rigs:
        yield from filter(None, [rig.patch])
        yield from rig.patches or ()


def _model_texts(rigs: Iterable[Rig]) -> Iterator[str]:
    for rig in rigs:
        yield from filter(None, [rig.model])
        yield from (rig.models or {}).values()


def _know(what: str, name: str, text: str, known: dict[str, str]) -> None:
    """Note by which text a rig names something; what is shipped under the name steps back for it."""
    other = known.get(name, name)
    if other not in (name, text):
        raise RigError(f"two {what} are called {name}, {other} and {text}: rename one of them")
    known[name] = text
