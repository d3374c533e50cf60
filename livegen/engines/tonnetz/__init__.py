"""The Tonnetz: a network that hears a beat at a time as a picture of the lattice, and tells which pitches come next.

Read `lattice` first: where pitches lie; `listener` says what of the frames becomes a beat's picture, `network` what is
made of it. `livegen.training.tonnetz` has the same network in torch.
"""
