"""The VAE at run time: two bars at a time from a point of a space whose first coordinates are named knobs. No torch.

Imports `engines`, `system` and the words. Read `config` first: what the network is; `attributes` has what its knobs
mean, `rows` what the decoder takes in.
"""
