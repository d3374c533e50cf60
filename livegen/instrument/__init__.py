"""What turns a performance into sound: keys go to the audio callback at once, and to the score once a frame.

Imports `performance`, `outputs`, `synth` and what lies below; it has a lock, and neither a thread nor a clock.
Read `instrument` first; `build` puts one together for whoever plays, live or not.
"""
