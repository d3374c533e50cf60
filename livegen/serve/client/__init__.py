"""A client of the service, for `livegen submit`: the standard library alone.

Imports the words and `toml`. Read `ideas` first, then `submit`.
"""
