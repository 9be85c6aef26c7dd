"""dfbench: numbers about deepfake-video detectors that can be trusted.

The public face. Everything heavy is imported on use, so ``import dfbench`` in a plugin costs
nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dfbench.catalogue.cards import (
    ClipSpec,
    DatasetCard,
    DetectorCard,
    FaceDetectorCard,
    MetricCard,
    ProtocolCard,
    Published,
    Recipe,
    WeightsFile,
)
from dfbench.catalogue.hookspecs import hookimpl
from dfbench.catalogue.records import Faces, VideoRecord
from dfbench.errors import DfbenchError

if TYPE_CHECKING:
    from dfbench.api import load_detector, run
    from dfbench.results.predictions import read_predictions
    from dfbench.results.result import RunResult, load_result

__version__ = "0.5.0"

_LAZY = {
    "load_detector": "dfbench.api",
    "run": "dfbench.api",
    "RunResult": "dfbench.results.result",
    "load_result": "dfbench.results.result",
    "read_predictions": "dfbench.results.result",
}

__all__ = [
    "ClipSpec",
    "DatasetCard",
    "DetectorCard",
    "DfbenchError",
    "FaceDetectorCard",
    "Faces",
    "MetricCard",
    "ProtocolCard",
    "Published",
    "Recipe",
    "RunResult",
    "VideoRecord",
    "WeightsFile",
    "hookimpl",
    "load_detector",
    "load_result",
    "read_predictions",
    "run",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'dfbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
