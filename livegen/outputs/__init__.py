"""What leaves livegen: sound and MIDI. Outputs pull frames from the score table when they need them.

Imports the words, `toml`, `system`, `patch`, `synth` and `apu`. Read `callback` first: its record shows how the sound
is made. Then read `audio`, which plays that record on the sound card, and `midi`.
"""
