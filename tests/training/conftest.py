"""One thread for torch: models this small gain nothing from two, and wait long for each other on a busy machine."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, here and in the processes that tests start
