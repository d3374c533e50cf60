"""livegen: jam with a neural model that plays a four-voice NES chip.

Data flows one way::

    inputs -> session -> predictor -> score table -> outputs (-> synth -> apu -> samples, or MIDI)
"""

__version__ = "0.1.0"
