"""Training and evaluating models; the only package that imports torch.

Imports `engines`, `formats`, `performance` and `takes`. Read `model` first: the network in torch, whose results the
run-time code of `livegen.engines` must match; then `dataset` for what it is taught, `train` for a run, `evaluate` for
figures.
"""

import os

# Before torch is imported. Its threads spin while they wait for each other, by themselves for so long that beside
# another busy process each waits for one that does not run; asleep, they let it run.
for _name, _value in (("OMP_WAIT_POLICY", "PASSIVE"), ("KMP_BLOCKTIME", "0")):
    os.environ.setdefault(_name, _value)
