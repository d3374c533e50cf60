"""The patches and models that a session can change to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from livegen.patch import Patch, list_patches, load_patch
from livegen.rig.values import Rig
from livegen.system.resources import model_folder, shipped_models


@dataclass(frozen=True, slots=True)
class Library:
    """Patches by name, loaded, so that changing to one reads no file, and where models are: each takes some megabytes.

    Attributes
    ----------
    patches : mapping of str to Patch
    programs : tuple of str
        Names of those that MIDI program changes pick, from program 0 on.
    texts : mapping of str to str
        What a rig calls them, where that is not their name: the path of a file.
    models : mapping of str to str
        What a rig calls each model, by its name: that, or the path of its folder.
    """

    patches: Mapping[str, Patch] = field(default_factory=dict)
    programs: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)


def load_library(rig: Rig, models: tuple[str, ...] = ()) -> Library:
    """Return what is shipped and what a rig names; program changes pick the patches that it names.

    Parameters
    ----------
    rig : Rig
    models : tuple of str
        Others, by name or folder.

    Raises
    ------
    PatchError, CheckpointError
        If one of those that are named is not there.
    """
    shipped = {name: load_patch(name) for name in list_patches()}
    asked = {text: shipped[text] if text in shipped else load_patch(text) for text in (rig.patches or ())}
    names = {text: text if text in shipped else Path(text).stem for text in asked}
    patches = shipped | {names[text]: patch for text, patch in asked.items()}
    programs = tuple(shipped) if rig.patches is None else tuple(names[text] for text in rig.patches)
    known = {name: name for name in shipped_models()}
    for text in (*models, *filter(None, [rig.model])):
        if text not in known:
            known[model_folder(text).resolve().name] = text
    return Library(patches, programs, {name: text for text, name in names.items() if text != name}, known)
