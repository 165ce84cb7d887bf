"""Waiting for events, with a limit. Nothing in the tests sleeps for correctness."""

import time

LIMIT = 30  # seconds any wait may take; sanitizer builds on a busy machine are slow
# Seconds that a busy machine may delay an operation that takes almost no time. Where a test distinguishes "at once" from
# "after a timeout", the timeout is longer than that.
LATE = 10


class Failed(AssertionError):
    """Something did not start, stop or answer in time; the message says what, with its log."""


def wait_for(condition, what=None, seconds=LIMIT, every=0.02):
    """Returns the first true value of condition(); Failed with `what` when none comes in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            what = what or getattr(condition, "__name__", condition)
            raise Failed(f"{what} did not happen within {seconds:g} s")
        time.sleep(every)
