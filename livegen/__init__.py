"""livegen: jam with a neural model that plays a four-voice NES chip.

Data flows one way::

    inputs -> session -> predictor -> score table -> outputs (-> synth -> apu -> samples, or MIDI)

The stage page stands beside that, in a process of its own: it is told how the session stands, and is one more input.
"""

__version__ = "0.1.0"
