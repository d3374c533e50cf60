"""Songs of trackers as text: FamiTracker's and FamiStudio's, written out of a score and read as one.

Imports `formats.score`, `patch` and what lies below. Read `file` first: it tells the two apart. A writer makes
`changes` of a score and puts them into bars by `grid`. A reader makes a song of a text, a player runs it tick by tick
with a channel for each voice, and `ticks` makes frames of that.
"""
