"""The settings of a session, as frozen values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from livegen.controls import Value
from livegen.engines.rest import REST
from livegen.inputs.midi_settings import MidiInSettings
from livegen.offline.capture import CAPTURE_ENDINGS
from livegen.outputs.midi_settings import MidiOutSettings
from livegen.patch import patch_text
from livegen.rig import Library, Rig, SetList
from livegen.system.resources import model_folder
from livegen.takes.library import TakeSettings
from livegen.voices import Voice


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that a session is opened with; named as on the command line.

    Attributes
    ----------
    audio : str or None
        Name of a device or a host API, or ``"null"``; None takes the best device there is.
    is_apart : bool
        Whether each voice sounds on a channel of its own.
    rate, block : int or None
        Sample rate in Hz and samples a block; None takes the device's own.
    latency_ms : float or None
        Time from when a sample is made to when it is heard, as `livegen calibrate` measures it; None takes what the
        device says.
    midi_api : str
    midi_ins : tuple of MidiInSettings
        If empty, a virtual port is opened if the system has them, and every keyboard is listened to.
    midi_outs : tuple of MidiOutSettings
        If empty, a virtual port is opened if the system has them.
    osc_host : str
    osc_port : int or None
        UDP port, 0 for a free one; None takes the usual one, or a free one if that is in use.
    link : bool
        Whether to join the Ableton Link session of the network.
    play : Path or None
        A file whose music is played into the session: MIDI, or any other score.
    play_voices : tuple of Voice or None
        The voices of that file that play, which are then the performer's, and no others; None plays all that it has on
        those that are the performer's anyway.
    is_strict : bool
        Whether that file is refused if it is damaged.
    seed : int
    controls : mapping
        Values over those of the patch.
    take : TakeSettings or None
        Where and how the jam is recorded; None if it is not recorded.
    captures : sequence of str
        Kinds of the files that a capture writes beside the take.
    library : Library
        Patches and models that the session can change to.
    rig : Rig
        What the session was asked for by a rig and by options, which override the rig; `save` starts from this.
    set_list : SetList or None
        The songs of the session, with what options override; it begins with the first, whose rig `rig` is.
    has_keys : bool
        Whether the keys of the terminal play, if there is one.
    is_patient : bool
        Whether a session that nothing was compiled for yet waits until all is. Else it begins as soon as keys can
        sound, and the models join in.
    """

    audio: str | None = None
    is_apart: bool = False
    rate: int | None = None
    block: int | None = None
    latency_ms: float | None = None
    midi_api: str = "auto"
    midi_ins: tuple[MidiInSettings, ...] = ()
    midi_outs: tuple[MidiOutSettings, ...] = ()
    osc_host: str = "127.0.0.1"
    osc_port: int | None = None
    link: bool = False
    play: Path | None = None
    play_voices: tuple[Voice, ...] | None = None
    is_strict: bool = False
    seed: int = 0
    controls: Mapping[str, Value] = field(default_factory=dict)
    take: TakeSettings | None = None
    captures: Sequence[str] = CAPTURE_ENDINGS
    library: Library = field(default_factory=Library)
    rig: Rig = field(default_factory=Rig)
    set_list: SetList | None = None
    has_keys: bool = True
    is_patient: bool = True


def recorded_to(folder: Path | None, rig: Rig, library: Library) -> TakeSettings:
    """Return how a jam that begins with a rig is recorded.

    Parameters
    ----------
    folder : Path or None
        Where its take is kept; None is the usual place.
    rig : Rig
    library : Library
        As `livegen.rig.load_library` makes it of that rig.

    Raises
    ------
    CheckpointError, PatchError
        If a model or a patch is not there.
    """
    begins_with = rig.patch or "plain"
    name = library.patch_name(begins_with)
    texts = {patch: library.texts.get(patch, patch) for patch in library.patches} | {name: begins_with}
    return TakeSettings(
        folder=folder,
        model=_model_at(rig.cast.model),
        voice_models={voice.name.lower(): _model_at(text) for voice, text in rig.cast.own.items()},
        patch=name,
        patches={patch: patch_text(text) for patch, text in texts.items()},
    )


def resting(take: TakeSettings | None) -> TakeSettings | None:
    """Return how a jam is recorded whose models join in later."""
    return None if take is None else replace(take, model=_model_at(REST), voice_models={})


def _model_at(text: str) -> dict[str, str]:
    """Return the name and the folder of a model."""
    folder = model_folder(text).resolve()
    return {"name": folder.name, "folder": str(folder)}
