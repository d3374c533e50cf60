"""The stage page: a server in a process of its own, which the music cannot hear, and what ties it to a session.

    session -> `stage` (this process) -> pipe -> `server` (its own process) -> pages and OSCQuery clients, and back

Imports `session` and what it shows of it. Read `wire` first: what goes over the pipe and to the pages.
"""
