"""Writes to the chip's registers in files: VGM, and NSF for a real NES.

Imports `formats`, `apu` and what lies below. Read `register_log` first: what all of these hold.
"""
