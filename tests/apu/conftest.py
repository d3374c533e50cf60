"""Hypothesis without its deadline: the first example of a property may compile a kernel."""

from hypothesis import settings

settings.register_profile("kernels")
settings.load_profile("kernels")
