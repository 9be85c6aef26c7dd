"""What is said when something is wrong that the user can mend."""

from __future__ import annotations

import pytest
from click.testing import Result

from dfbench.errors import DfbenchError


def error(result: Result) -> str:
    """The one line that a mendable failure prints."""
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError("a traceback instead of a line") from result.exception
    assert result.exit_code == 1, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    return lines[0]


def in_one_line(caught: pytest.ExceptionInfo[DfbenchError]) -> str:
    text = str(caught.value)
    assert "\n" not in text
    assert "Traceback" not in text
    return text
