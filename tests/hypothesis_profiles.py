"""The number of examples of a property test."""

from __future__ import annotations

import hypothesis

FUZZ_FACTOR = 10


def is_fuzzing() -> bool:
    """Whether pytest runs with --hypothesis-profile=fuzz. This is known only after the conftests are loaded."""
    return hypothesis.settings.get_current_profile_name() == "fuzz"


def example_count(count: int) -> hypothesis.settings:
    """Use `count` examples in `make test`, which should take a second or two, and more in `make fuzz`."""
    return hypothesis.settings(max_examples=count * FUZZ_FACTOR if is_fuzzing() else count)
