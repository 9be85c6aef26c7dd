"""The command ``run`` in this process."""

import pytest


@pytest.fixture(scope="session")
def finish(command):
    """The command in this process, which has imported torch already; what it prints."""

    def run(*args):
        done = command("run", *args, DFBENCH_TRACKING="off")
        assert done.exit_code == 0, done.output
        return done.output

    return run
