"""Takes: recordings of jams, each a log from which the jam can be played again, bit for bit.

Imports `performance`, `instrument`, `engines`, `formats` and what lies below, and knows no session: it is handed what
it writes. Read `records` first: what a take is made of; then `recorder`, which writes it, `recording`, which tells how
it sounded, and `replay`.
"""
