"""Uses something again and again for a while, and says at the end how it went."""

import json
import sys
import time

PAUSE = 1
# Clients stop using an access token a moment before its end: a request takes time to arrive.
MARGIN = 1


class Renewed:
    """Something that ends and is obtained anew then; `obtain` yields it and its end in seconds of the epoch."""

    def __init__(self, obtain):
        self.obtain = obtain
        self.current, self.end, self.count = None, 0, 0

    def get(self):
        if time.time() >= self.end - MARGIN:
            self.current, self.end = self.obtain()
            self.count += 1
        return self.current


def use_throughout(client, seconds, use, obtained=lambda: 1):
    """Calls `use` until the time is over, through every error; prints the counts as the last line."""
    end = time.monotonic() + seconds
    uses = errors = 0
    while time.monotonic() < end:
        try:
            use()
            uses += 1
        except Exception as error:
            errors += 1
            print(f"soak: {client}: use {uses + errors}: {type(error).__name__}: {error}", flush=True)
        time.sleep(PAUSE)
    counts = {"client": client, "uses": uses, "obtained": obtained(), "errors": errors}
    print("soak-counts", json.dumps(counts), flush=True)
    sys.exit(1 if errors else 0)
