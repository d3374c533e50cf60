"""The patches and models that a session can change to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

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


def load_library(rig: Rig, models: tuple[str, ...] = ()) -> Library:
    """Return the patches and models that livegen ships and those that a rig names.

    Program changes pick the patches that the rig names, or all shipped ones if it names none.

    Parameters
    ----------
    rig : Rig
    models : tuple of str
        More models, by name or folder.

    Raises
    ------
    PatchError, CheckpointError
        If a patch or a model that is named does not exist.
    """
    shipped = {name: load_patch(name) for name in list_patches()}
    asked = {text: shipped[text] if text in shipped else load_patch(text) for text in (rig.patches or ())}
    names = {text: text if text in shipped else Path(text).stem for text in asked}
    patches = shipped | {names[text]: patch for text, patch in asked.items()}
    programs = tuple(shipped) if rig.patches is None else tuple(names[text] for text in rig.patches)
    known = {name: name for name in shipped_models()}
    for text in (*models, *filter(None, [rig.model]), *(rig.models or {}).values()):
        if text not in known:
            known[model_folder(text).resolve().name] = text
    return Library(patches, programs, {name: text for text, name in names.items() if text != name}, known)
