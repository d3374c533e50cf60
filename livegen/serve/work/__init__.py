"""The processes that play: workers with warm models, conversions, streams.

Imports `offline`, `jobs` and `shelf`. Read `band` first, then `worker` and `pool`.
"""
