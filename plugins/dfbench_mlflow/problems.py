"""What goes wrong with MLflow, told in a few words."""

from __future__ import annotations

import re

from dfbench_mlflow import names
from dfbench_mlflow.place import without_password


def problems() -> tuple[type[Exception], ...]:
    """What MLflow raises when a server, a database or a driver fails."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return OSError, ImportError, MlflowException, SQLAlchemyError


def reason(error: Exception) -> str:
    """The root of it in a few words: of three nested messages only the system's own is useful."""
    text = without_password(" ".join(str(error).split()))
    for root in (
        r"(\[Errno [^\]]*\][^'\")<>]*)",
        r"(Read timed out)",
        r"Caused by \w+\(.*?['\"]([^'\"]+)['\"]\)",
    ):
        if found := re.search(root, text):
            return found.group(1)
    return names.cut(text, 200)
