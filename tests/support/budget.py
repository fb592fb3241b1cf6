"""How much the randomized tests play: the quick profile for ``make test``, the full one for CI (``TEST_PROFILE=full``)."""

import os

from hypothesis import settings

PROFILES = {"quick": 25, "full": 300}
"""Profile → examples for each property."""


def profile() -> str:
    """``quick`` or ``full``. Raises ValueError for any other TEST_PROFILE."""
    name = os.environ.get("TEST_PROFILE", "quick")
    if name not in PROFILES:
        raise ValueError(f"TEST_PROFILE is {name!r}. Use one of: {', '.join(PROFILES)}.")
    return name


def budget(*, quick: int, full: int) -> int:
    """A number of seeds or inputs, by profile."""
    return full if profile() == "full" else quick


def load_profile() -> None:
    """Make Hypothesis use the profile. Without a deadline: a busy machine must not fail a property."""
    for name, examples in PROFILES.items():
        settings.register_profile(name, max_examples=examples, deadline=None)
    settings.load_profile(profile())
