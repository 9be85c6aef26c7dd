"""Runs started as a user does, and killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

QUICK = ["--limit", "9", "--epochs", "2", "--batch-size", "16"]


def run_folder(out):
    (result,) = Path(out).glob("*/*/*/*/*/result.json")
    return result.parent


def start(*args, **env):
    """The command in a process of its own, which can be killed."""
    command = [sys.executable, "-m", "dfbench", "run", *map(str, args)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DFBENCH_TRACKING": "off", **env},
    )


def kill_when(process, ready):
    """``kill -9`` the process as soon as ``ready()``; fail when it ends before."""
    until = time.monotonic() + 300
    while not ready():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until, "what was waited for did not come"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
