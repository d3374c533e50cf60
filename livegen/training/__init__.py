"""Training and evaluating models; the only package that imports torch.

Imports `engines`, `formats`, `performance` and `takes`. Read `model` first: the network in torch, whose results the
run-time code of `livegen.engines` must match; then `dataset` for what it is taught, `train` for a run, `evaluate` for
figures.
"""
