"""What a musician asks of a piece: its key, tempo and form, the parts of its voices, and what comes back.

Imports `formats`, `engines.tonality` and the words. Read `analysis` first: it puts together what the others find.
"""
