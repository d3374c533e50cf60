"""The page's side: its files, the messages that it may send and gets, and its address.

Imports `web` and what it shows of a session. Read `messages` first: what a page may say.
"""
