"""How well a session keeps pace with its music: what each plan took, why one came late, and how far ahead is planned.

Imports what `session` does. Read `plans` first, the log of the last plans; then `diagnosis`, what is told of it; then
`lookahead`, which makes plans shorter under load.
"""
