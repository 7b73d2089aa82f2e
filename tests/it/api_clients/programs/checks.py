"""What the programs of the clients of the API share: one line for each resource, and plain checks."""

import sys
import time

LIMIT = 120
POLL = 0.2


def run_all(functions, world):
    """Calls each with the world, and prints its name when it returns: the test looks for every name."""
    for function in functions:
        print(f"... {function.__name__}", file=sys.stderr, flush=True)
        function(world)
        print(f"ok {function.__name__}", flush=True)


def same(found, wanted):
    """Equal in value and type."""
    assert type(found) is type(wanted), f"{found!r} is of type {type(found).__name__}, not as {wanted!r}"
    assert found == wanted, f"{found!r}, not {wanted!r}"


def holds(thing, **wanted):
    """Each named attribute of a thing has its value."""
    for name, value in wanted.items():
        found = getattr(thing, name)
        found = getattr(found, "value", found)
        assert found == value and isinstance(found, bool) == isinstance(value, bool), (
            f"{name} is {found!r}, not {value!r}: {thing!r}"
        )


def has(mapping, **wanted):
    """Each named attribute of a JSON object, `_` read as `-`, has its value."""
    for name, value in wanted.items():
        key = name.replace("_", "-")
        assert key in mapping, f"there is no {key} in {mapping}"
        same(mapping[key], value)


def refused(error, call, *words, status=None):
    """The call raises the client's own error, with the words in its text."""
    try:
        answer = call()
        if hasattr(answer, "__next__"):
            answer = list(answer)
    except error as refusal:
        assert type(refusal) is error, f"{refusal!r} is not exactly {error.__name__}"
        found = getattr(refusal, "status", None)
        assert status in (None, found), f"{found}, not {status}: {refusal}"
        for word in words:
            assert word in str(refusal), f"{refusal} does not speak of {word!r}"
        return refusal
    raise AssertionError(f"not refused: {answer!r}")


def wait(what, look):
    """What `look` yields as soon as it is true."""
    end = time.monotonic() + LIMIT
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"waited {LIMIT} s for {what}"
        time.sleep(POLL)
