"""How a model plays, compared with songs: by itself, beside a melody, in answer to one, and for ten minutes.

Imports `training` for the songs, but no torch, and `offline`: what is judged is a session as everybody gets it. Read
`stage` first; `listening`, `answering`, `pulse` and `endurance` give a figure each, `pages` draws them, `free_run`
compares `statistics` of the model alone.
"""
