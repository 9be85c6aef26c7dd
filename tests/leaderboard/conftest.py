"""A browser, and a table for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from made_table import make_table

from dfbench_leaderboard.site.table import Table


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window: the program of ``DFBENCH_TEST_CHROMIUM``, or the PATH's."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: install the extra test"
    )
    program = os.environ.get("DFBENCH_TEST_CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium: apt-get install chromium, or set DFBENCH_TEST_CHROMIUM")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def table() -> Table:
    return make_table()
