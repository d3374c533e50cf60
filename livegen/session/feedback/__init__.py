"""Feedback to MIDI controllers: their lights show what their knobs and pads set.

Imports what `session` does. Read `light` first, what a knob is to show; then `surface`, the lights of a device as a
value; then `feedback`, which sends.
"""
