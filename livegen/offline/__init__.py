"""Jobs that play faster than time: the same core and the same sound as live, on a clock that never waits.

Imports all but `session` and what stands above it. Read `render` first; `batch` renders many, `playback` sounds a
take without its model, `capture` keeps the last bars of a jam, `convert` makes one kind of file from another.
"""
