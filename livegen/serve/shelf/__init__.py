"""The models that the service has: livegen's own, and those that were given to it, each checked before it is taken.

Imports `engines` and the words. Read `shelf` first.
"""
