"""The GAN at run time: phrases that are loops, each of a few numbers, played on the beat; no torch.

It may import what `livegen.engines` may. Read `engine` first; `layout` says what a phrase is, `kernels` computes it.
"""
