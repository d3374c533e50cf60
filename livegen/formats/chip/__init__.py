"""Files of writes to the chip's registers: VGM, and NSF for a real NES.

Imports `formats`, `apu` and what lies below. Read `register_log` first: it is the content of all these files.
"""
