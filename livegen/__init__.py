"""livegen: jam with a neural model that plays a four-voice NES chip.

Data flows one way: inputs -> session -> performance -> engines -> score table -> outputs (-> synth -> apu -> samples,
or MIDI). The modules here are the words that every package uses: begin with `score` and `events`; programs, with `api`.
`docs/architecture.md` explains the packages, and `tests/test_imports.py` lists which package may import which.
"""

__version__ = "0.1.0"
