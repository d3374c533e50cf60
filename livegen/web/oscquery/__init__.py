"""OSCQuery: the controls as a tree that other programs read, set and listen to, announced to the network by zeroconf.

Imports `web`, `inputs` and the words. Read `tree` first.
"""
