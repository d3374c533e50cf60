"""The server's process: who may connect, who is connected, and the messages between them and the session.

Imports `web` and the words; its process knows nothing of the music. Read `server` first, then `hub` and `door`.
"""
