"""Training of the Transformer: words of songs, the network, a run, and its figures.

Read `network` first; what it hears of the words is `livegen.engines.transformer.hearing`, which play shares.
"""
