"""The songs that models learn from: where they are found, what a file holds, and a split of them.

Imports `formats`, `takes` and what lies below, and no torch. Read `songs` first, then `sources`.
"""
