"""How often a law is tried."""

from __future__ import annotations

import hypothesis

MORE = 10


def fuzzing() -> bool:
    """Whether it was asked for with --hypothesis-profile=fuzz, which is known after the conftests."""
    return hypothesis.settings.get_current_profile_name() == "fuzz"


def tried(times: int) -> hypothesis.settings:
    """On so many examples in `make test`, a second or two of them; on more in `make fuzz`."""
    return hypothesis.settings(max_examples=times * MORE if fuzzing() else times)
