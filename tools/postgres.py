#!/usr/bin/env python3
"""Runs a command beside a Postgres server that lives as long as the command: `python3 tools/postgres.py COMMAND ...`.

The command finds the server's address in CARNET_TEST_POSTGRES, and CARNET_TEST_DATABASE=postgres, so that tests run on it.
The server is the one of PATH or of this system, else a pinned one that tools/install.py installs. It keeps its data in a
temporary folder and makes nothing durable. Postgres refuses to run as root; for root it runs as nobody.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import install

START_LIMIT = 60


def main(command):
    if not command:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    programs = install.postgres()
    with tempfile.TemporaryDirectory(prefix="carnet-postgres-") as folder:
        with Server(programs, Path(folder)) as address:
            environment = dict(os.environ, CARNET_TEST_DATABASE="postgres", CARNET_TEST_POSTGRES=address)
            return subprocess.run(command, env=environment).returncode


class Server:
    def __init__(self, programs, folder):
        self.programs, self.folder, self.process = programs, folder, None
        self.data = folder / "data"
        self.log = folder / "log"

    def __enter__(self):
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            self.folder.chmod(0o755)
            shutil.chown(self.data, "nobody")
            if not is_open_to_nobody(self.programs):
                # The programs find their libraries and files beside themselves.
                shutil.copytree(self.programs.parent, self.folder / "server", symlinks=True)
                self.programs = self.folder / "server" / self.programs.name
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "cwd": "/"}
        made = [self.programs / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run(as_nobody(made + ["--no-locale", "--no-sync"]), check=True, **quiet)
        port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "max_connections": 300,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = as_nobody([self.programs / "postgres", "-D", self.data] + options)
        with open(self.log, "wb") as log:
            # In a session of its own: a Ctrl-C ends the tests first.
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
            )
        self.wait(port)
        return f"postgres://postgres@127.0.0.1:{port}/postgres"

    def wait(self, port):
        deadline = time.monotonic() + START_LIMIT
        while "ready to accept connections" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the Postgres server did not start on port {port}:\n{self.log.read_text()}")
            time.sleep(0.05)

    def __exit__(self, *_):
        # Immediate shutdown: nothing of it is needed any more.
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def as_nobody(command):
    command = [str(word) for word in command]
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"] + command


def is_open_to_nobody(programs):
    return subprocess.run(as_nobody(["test", "-x", programs / "postgres"]), cwd="/").returncode == 0


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except install.InstallError as error:
        sys.exit(f"error: postgres: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
