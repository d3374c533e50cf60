"""The server's process: who may come in, who is connected, and what goes between them and the session.

Imports `web` and the words; its process knows nothing of the music. Read `server` first, then `hub` and `door`.
"""
