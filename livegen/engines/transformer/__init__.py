"""The Transformer: it plays event by event, in the words of TX1.

Imports `livegen.formats.words.vocabulary` and what engines import. Read `hearing` first: it is what the network knows
of the words so far.
"""
