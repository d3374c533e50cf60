"""The core of a session, pure and single-threaded: events in, frames of the score out, everything a value.

Imports the words, `engines.protocol` and `engines.sampling`; no thread, no file, no clock. Read `performance` first:
`advance` is the one function that decides what is played. Then `state`, and `planning` for one frame of it.
"""
