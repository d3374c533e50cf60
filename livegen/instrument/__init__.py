"""What turns a performance into sound: keys go to the audio callback at once, and to the score once a frame.

Imports `performance`, `outputs`, `synth` and what lies below. It has a lock, but no thread and no clock.
Read `instrument` first; `build` puts an instrument together, for live playing and for everything else.
"""
