"""The number of examples of a property test."""

from __future__ import annotations

import hypothesis

FUZZ_FACTOR = 10
FUZZ_REQUESTS = 10_000  # that `make fuzz` sends to each service at least


def is_fuzzing() -> bool:
    """Whether pytest runs with --hypothesis-profile=fuzz. This is known only after the conftests are loaded."""
    return hypothesis.settings.get_current_profile_name() == "fuzz"


def example_count(count: int) -> hypothesis.settings:
    """Use `count` examples in `make test`, which should take a second or two, and more in `make fuzz`."""
    return hypothesis.settings(max_examples=count * FUZZ_FACTOR if is_fuzzing() else count)


def request_count(requests: int, operations: int) -> hypothesis.settings:
    """Share `requests` between the operations in `make test`, and FUZZ_REQUESTS in `make fuzz`.

    An operation without parameters has few different requests, so that the others get more in `make fuzz`.
    """
    shared = 2 * FUZZ_REQUESTS if is_fuzzing() else requests
    return hypothesis.settings(max_examples=max(3, shared // operations))
