"""What leaves livegen: sound and MIDI. Outputs pull frames from the score table when they need them.

Imports the words, `system`, `patch`, `synth` and `apu`. Read `callback` first: the record that the native function
owns is the design of the sound; then `audio`, which hands it to the sound card, and `midi`.
"""
