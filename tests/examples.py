"""How many examples a property is tried with."""

from hypothesis import settings

LONG_PROFILE = "long"
"""Name of the profile that tries every property with so many examples that it takes hours."""


def examples(n: int) -> int:
    """Return how many examples a slow property takes: `n`, or as many as all do in the long profile."""
    return settings().max_examples if settings.get_current_profile_name() == LONG_PROFILE else n
