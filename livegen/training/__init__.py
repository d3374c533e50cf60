"""Training and judging models; torch lives here and nowhere else.

Imports `engines`, `formats` and `performance`. Read `model` first: the network in torch, which the run-time code of
`livegen.engines` agrees with; then `dataset` for what it is taught, `train` for a run, `evaluate` for its figures.
"""
