"""Sound files: 16-bit WAV and FLAC, written as the samples come.

Imports `formats` and what lies below. There is one module, `file`.
"""
