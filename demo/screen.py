"""What the demo prints, for a person."""

import os
import sys
import textwrap
import time

IS_TERMINAL = sys.stdout.isatty() and "NO_COLOR" not in os.environ
WIDTH = 118


def _paint(code, text):
    return f"\033[{code}m{text}\033[0m" if IS_TERMINAL else text


def title(text):
    print(_paint("1", text), flush=True)


class Steps:
    """Numbered steps with the time each took."""

    def __init__(self, count):
        self.count, self.number, self.started = count, 0, time.monotonic()

    def begin(self, text):
        self.number += 1
        number, clock = f"[{self.number}/{self.count}]", f"{time.monotonic() - self.started:.1f} s"
        print(f"\n{_paint('1;36', number)} {_paint('1', text)}  {_paint('2', clock)}", flush=True)


def say(text):
    for line in text.splitlines():
        lines = textwrap.wrap(line, WIDTH - 6, break_long_words=False, break_on_hyphens=False) or [""]
        print("\n".join(f"      {part}" for part in lines), flush=True)


def checked(text):
    print(f"    {_paint('32', '✓')} {text}", flush=True)


def failed(text):
    print(f"\n{_paint('1;31', 'failed:')} {text}", file=sys.stderr, flush=True)


def command(line):
    quoted(_paint("1", f"$ {line}"))


def quoted(line):
    # A line of another program may end in the middle of its own colours.
    print(f"    {_paint('2', '│')} {line}{_paint('0', '')}", flush=True)


def table(rows):
    """Prints rows of equal length; the first is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for index, row in enumerate(rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        print("      " + (_paint("4", line) if index == 0 else line), flush=True)
