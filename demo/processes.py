"""The processes of the demo: each in a group of its own, all ended with the demo."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time


class DemoError(Exception):
    """Something that should hold and does not, in a sentence for a person."""


class Processes:
    """Everything the demo has started."""

    def __init__(self):
        self.running = []
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _frame: sys.exit(128 + number))

    def start(self, name, command, environment, log=None, **options):
        """Starts a program with exactly this environment; its output goes to the file `log`, if one is named."""
        if log:
            with open(log, "ab") as output:
                options.update(stdin=subprocess.DEVNULL, stdout=output, stderr=output)
                process = subprocess.Popen(_tied(command), env=environment, start_new_session=True, **options)
        else:
            process = subprocess.Popen(_tied(command), env=environment, start_new_session=True, **options)
        self.running.append((name, process))
        return process

    def end_all(self):
        """Ends what still runs, the youngest first."""
        while self.running:
            name, process = self.running[-1]
            self._end(name, process)
            self.running.pop()

    def end(self, process):
        """Ends one of them."""
        for entry in [entry for entry in self.running if entry[1] is process]:
            self._end(*entry)
            self.running.remove(entry)

    def _end(self, name, process):
        if process.poll() is not None:
            return
        if process.stdin:
            # Whoever asks a question now, as terraform does when it is interrupted, gets no answer.
            process.stdin.close()
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            print(f"{name} did not end when asked to; it is killed", file=sys.stderr)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _tied(command):
    """Lets the kernel end the program if the demo is killed and cannot."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", *command] if setpriv else list(command)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, attempt, process=None, log=None, limit=60):
    """Waits until `attempt` yields something true; the end of `process` ends the waiting."""
    deadline = time.monotonic() + limit
    while True:
        found = attempt()
        if found:
            return found
        if process and process.poll() is not None:
            raise DemoError(f"{what}: the process ended with {process.returncode}\n{last_lines(log)}")
        if time.monotonic() > deadline:
            raise DemoError(f"{what}: not within {limit} seconds\n{last_lines(log)}")
        time.sleep(0.05)


def last_lines(log, count=20):
    if not log:
        return ""
    with open(log, errors="replace") as file:
        return "".join(file.readlines()[-count:])


def processes_mentioning(text):
    """The processes whose command line holds `text`, this one apart."""
    found = []
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    command = file.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if text in command:
                found.append(f"{entry} {command[:100]}")
    return found
