"""The real terraform command, in a directory of its own and signed in to Carnet."""

import os
import shutil
import subprocess
import threading

import screen
from processes import DemoError

LIMIT_SECONDS = 300


def version(program):
    environment = dict(os.environ, CHECKPOINT_DISABLE="1")
    shown = subprocess.run([program, "version"], env=environment, capture_output=True, text=True)
    return shown.stdout.splitlines()[0]


class Terraform:
    """A directory with a configuration."""

    def __init__(self, program, processes, folder, ca_file):
        self.program, self.processes, self.folder, self.ca_file = program, processes, folder, ca_file
        self.directory = folder / "configuration"

    def configure(self, source, host, token, organization, workspace):
        """Copies the configuration, adds a `cloud` block, and signs in."""
        shutil.copytree(source, self.directory)
        (self.directory / "cloud.tf").write_text(
            f'terraform {{\n  cloud {{\n    hostname     = "{host}"\n    organization = "{organization}"\n'
            f'    workspaces {{ name = "{workspace}" }}\n  }}\n}}\n'
        )
        credentials = self.folder / "terraform.rc"
        credentials.touch(0o600)
        credentials.write_text(f'credentials "{host}" {{\n  token = "{token}"\n}}\n')

    def run(self, *arguments, approve=None):
        """Runs a command, showing its output; yields what it printed. `approve` is called before `yes` is answered."""
        screen.command("terraform " + " ".join(arguments))
        colour = [] if screen.IS_TERMINAL else ["-no-color"]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TF_CLI_CONFIG_FILE": str(self.folder / "terraform.rc"),
            "SSL_CERT_FILE": str(self.ca_file),
            "CHECKPOINT_DISABLE": "1",
        }
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        command = [self.program, arguments[0], *colour, *arguments[1:]]
        process = self.processes.start("terraform", command, environment, cwd=self.directory, **pipes)
        watchdog = threading.Timer(LIMIT_SECONDS, process.kill)
        watchdog.start()
        try:
            printed = _show(process, approve)
        finally:
            watchdog.cancel()
        if process.wait() != 0:
            raise DemoError(f"terraform {arguments[0]} ended with {process.returncode}; see {self.folder}/carnet.log")
        return printed


def _show(process, approve):
    printed, line = [], b""
    # Byte by byte, since the question at the end of a plan does not end its line.
    while byte := process.stdout.read(1):
        line += byte
        if byte == b"\n":
            printed.append(line.decode(errors="replace"))
            screen.quoted(printed[-1].rstrip())
            line = b""
        elif approve and line.endswith(b"Enter a value:"):
            screen.quoted(line.decode().rstrip())
            approve()
            process.stdin.write(b"yes\n")
            process.stdin.flush()
            approve, line = None, b""
    return "".join(printed)
