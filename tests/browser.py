"""A real browser for tests: Debian's chromium, driven by playwright. Without it, they skip."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


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


@contextmanager
def visit(browser: Any, file: Path, view: str = "", **context: Any) -> Iterator[Any]:
    """The page opened from the disk. Fails if it logs an error, raises one, opens a dialog, or asks
    for anything but files. view: what follows the name, ``#sort=…``. context: ``color_scheme``,
    ``viewport`` … of playwright's contexts."""
    found: list[str] = []
    own = browser.new_context(**context)
    page = own.new_page()
    page.set_default_timeout(10_000)
    page.on("console", lambda message: found.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (found.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: found.append(request.url))
    page.goto(file.resolve().as_uri() + view)
    yield page
    own.close()
    wrong = [one for one in found if not one.startswith(("file:", "data:"))]
    assert not wrong, wrong


def axe(page: Any, *rules: str) -> list[str]:
    """Serious and critical violations that axe-core finds, one line each. ``DFBENCH_TEST_AXE``
    names an axe.min.js to use instead of the packaged one. rules: only these."""
    script = os.environ.get("DFBENCH_TEST_AXE")
    if not script:
        spec = find_spec("axe_playwright_python")
        if spec is None or spec.origin is None:
            pytest.skip("needs axe-playwright-python: install the extra test")
        script = str(Path(spec.origin).parent / "axe.min.js")
    page.evaluate(Path(script).read_text("utf-8"))
    # preload would fetch the style sheets once more, which the pages' own policy forbids.
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if rules:
        options["runOnly"] = rules
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {json.dumps(one['nodes'][0]['html'])}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
