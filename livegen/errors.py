"""Errors that livegen raises on purpose; each message is one sentence for a musician.

A message names the thing, the value, what is allowed, and what to do. The command line prints it and
exits with code 2; nothing here is raised while music plays.
"""


class LivegenError(Exception):
    """Base of every error whose message is meant for the user."""


class ScoreError(LivegenError):
    """A score, or a file that should hold one, breaks the ranges of `livegen.score`."""


class FormatError(LivegenError):
    """A file is cut short, hostile, or not of the format that its name says."""


class PatchError(LivegenError):
    """A patch file is missing or says something that a patch cannot say."""


class RigError(LivegenError):
    """A rig file is missing, says something that a rig cannot say, or cannot be written."""


class ProfileError(LivegenError):
    """A profile of a MIDI controller is missing or says something that a profile cannot say."""


class ControlError(LivegenError):
    """A control is unknown or was given a value of the wrong type."""


class CheckpointError(LivegenError):
    """A model folder is missing, incomplete, or does not fit its own description."""


class PortError(LivegenError):
    """A MIDI or OSC port cannot be found or opened, a Link session cannot be joined, or a jam does not answer."""


class AudioError(LivegenError):
    """An audio device cannot be found, or refuses the sample rate or block size."""


class TakeError(LivegenError):
    """A take cannot be written, found or read."""


class TrainingError(LivegenError):
    """Training data or settings cannot be used."""


class OrderError(LivegenError):
    """What the service is asked to render, or a model that it is given, cannot be used."""


class QueueError(LivegenError):
    """The queue of the service cannot be reached, or must not be used as it is."""


class PipelineError(LivegenError):
    """A pipeline says something that cannot be understood, or a stage of it cannot run or fails."""
