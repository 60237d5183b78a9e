"""Bytes that nobody thought of: samples changed at random, for `THREATBOARD_FUZZ` seconds (3 without it).

For longer, and guided by what the code does with each input: `python -m tests.fuzz` (needs the package atheris).
What was found so far is in docs/fuzzing.md.
"""

import os
import random
import time

from tests.fuzz.mutate import mutated
from tests.fuzz.target import SEEDS, check

SECONDS = float(os.environ.get("THREATBOARD_FUZZ", "3"))


def test_samples_pass_as_they_are() -> None:
    assert len(SEEDS) > 10
    for seed in SEEDS:
        check(seed)


def test_no_change_of_a_sample_breaks_the_way_from_body_to_page() -> None:
    number = int(time.time()) if "THREATBOARD_FUZZ" in os.environ else 1
    end = time.monotonic() + SECONDS
    tried = 0
    while time.monotonic() < end:
        number += 1
        tried += 1
        data = mutated(SEEDS, random.Random(number))
        try:
            check(data)
        except Exception as error:
            raise AssertionError(f"input {number} of mutated(): {data[:2000]!r}") from error
    assert tried > 20
