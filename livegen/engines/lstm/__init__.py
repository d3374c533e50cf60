"""The LSTM with a motif memory, at run time: a few matrix products a frame in Numba, no torch.

Imports `engines`, `system` and the words. Read `lstm` first: it folds the weights and is the engine. `features`
has what the network hears, `memory` what it remembers of the song, `kernels` the network, `draws` how a frame is drawn.
"""
