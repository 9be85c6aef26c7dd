"""What tests do with a real browser, which the fixture ``browser`` starts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


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
