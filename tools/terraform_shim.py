"""Runs Terraform from its shared library, as if it were the terraform binary.

usage: python3 terraform_shim.py LIBRARY [ARGUMENT ...]

The library takes over this process: arguments, environment, working directory, standard streams, signals and the exit
code are Terraform's own.
"""

import ctypes
import os
import signal
import sys


def main():
    library, arguments = sys.argv[1], [os.fsencode(argument) for argument in sys.argv[2:]]
    # Python ignores SIGPIPE, and every program started by Terraform would inherit that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # Until the library has installed its own handlers an interrupt ends the process, as it does with the binary.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    run = ctypes.CDLL(library).RunCli
    run.restype = ctypes.c_int
    run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
    code = run(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments), 1, 2)
    # The library has closed the standard streams: leave without Python's own clean-up of them.
    os._exit(code & 0xFF)


main()
