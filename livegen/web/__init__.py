"""The stage page: a server in a process of its own, so that it never disturbs the music, and its link to a session.

    session -> `stage` (this process) -> pipe -> `server` (its own process) -> pages and OSCQuery clients, and back

Imports `session` and what it shows of it. Read `wire` first: the messages on the pipe and to the pages.
"""
