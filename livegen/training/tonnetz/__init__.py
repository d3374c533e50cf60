"""Training the Tonnetz: songs as slices of the lattice, the network in torch, a run, and what its figures are.

Read `network` first; `livegen.engines.tonnetz` must give the same.
"""
