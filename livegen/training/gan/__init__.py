"""The GAN as torch trains it, and how what it makes is judged; it may import what `livegen.training` may.

Read `network` first, then `run`, which trains it; `figures` and `copies` judge phrases and need no torch.
"""
