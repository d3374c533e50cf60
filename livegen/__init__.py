"""livegen: jam with a neural model that plays a four-voice NES chip.

Data flows one way: inputs -> session -> performance -> engines -> score table -> outputs (-> synth -> apu -> samples,
or MIDI). The modules here are the words that every package uses: begin with `score` and `events`.
`docs/architecture.md` leads through the house, and `tests/test_imports.py` says who may import whom.
"""

__version__ = "0.1.0"
