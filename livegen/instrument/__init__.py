"""What turns a performance into sound: keys go to the audio callback at once, and to the score once a frame.

Imports `performance`, `outputs`, `synth` and what lies below. It has a lock, but no thread and no clock.
Read `instrument` first; `publish` writes what it has planned where the audio callback reads it.
"""
