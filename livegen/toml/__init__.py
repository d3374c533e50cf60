"""Strict reading of TOML files, with errors that say where in the file a mistake stands: what patches and rigs share.

Imports the words alone. Read `text` first; `controls` is the one section that both kinds of file have.
"""
