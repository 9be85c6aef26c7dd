"""MLflow's searches give a page at a time; here they are whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def every(search: Callable[..., Any], *asked: Any, page: int = 1000) -> Iterator[Any]:
    """All that a search of a client finds. page: how many at a time; servers take no more."""
    token = None
    while True:
        found = search(*asked, max_results=page, page_token=token)
        yield from found
        token = found.token
        if not token:
            return
