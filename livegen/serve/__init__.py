"""The service: renders on demand over HTTP, by workers on this machine or on many.

    HTTP -> `jobs` (a queue: SQLite, or RQ on Redis) -> `work` (processes with warm models) -> results -> HTTP

Imports `offline` and what that stands on, and the door of `web`. Read `jobs.port` first, then `work.band`, `http.app`.
"""
