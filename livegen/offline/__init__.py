"""Work that plays faster than real time: the same core and the same sound as live, on a clock that never waits.

Imports all but `session` and what stands above it. Read `render` first. `batch` renders many files, `playback` plays a
take without its model, `capture` keeps the last bars of a jam in files, `convert` converts files to other kinds.
"""
