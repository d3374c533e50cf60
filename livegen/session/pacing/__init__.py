"""How well a session keeps pace with its music: what each plan took, and why one came late.

Imports what `session` does. Read `plans` first, the log of the last plans; then `diagnosis`, what is told of it.
"""
