"""What the programs of this folder have in common: they say what they have reached, and wait for new tokens."""

import json
import time
from pathlib import Path

LIMIT = 90


def report(**facts):
    """Prints facts for the test, on a line that it finds in the log."""
    print("CLIENT", json.dumps(facts, sort_keys=True), flush=True)


def wait_until_replaced(path):
    """Returns when a file has another content than now."""
    wait_for_another(Path(path).read_bytes, Path(path).read_bytes())


def wait_for_another(ask, old):
    """Asks until the answer is another one, and returns it."""
    deadline = time.monotonic() + LIMIT
    while (new := ask()) == old:
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing new within {LIMIT} s")
        time.sleep(0.1)
    return new
