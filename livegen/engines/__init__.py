"""Engines, the kinds of model: each hears a frame and draws the next one.

Imports the words and `system`, never torch. Read `protocol` first: it is all that a performance knows of a
model. `sampling` makes the random draws, `checkpoint` loads a model's folder, and each engine has a package of its own.
"""
