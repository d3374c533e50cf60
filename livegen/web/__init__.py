"""The stage page: a server of its own process, so that the music cannot hear it, and what ties it to a session.

    session -> Stage (this process) -> pipe -> server (its own process) -> pages and OSCQuery clients, and back

`livegen.web.wire` says what goes over the pipe and to the pages.
"""
