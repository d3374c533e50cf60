"""Training the VAE: the network in torch, what it is taught, a run, and what its figures are.

Read `network` first; `livegen.engines.vae` must give the same.
"""
