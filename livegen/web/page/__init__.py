"""The page's side: its files, what it may say and is told, and where it is found.

Imports `web` and what it shows of a session. Read `messages` first: what a page may say.
"""
