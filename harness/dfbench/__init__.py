"""dfbench: numbers about deepfake-video detectors that can be trusted.

The public face. Everything heavy is imported on use, so ``import dfbench`` in a plugin costs
nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dfbench.cards import (
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
from dfbench.errors import DfbenchError
from dfbench.hookspecs import hookimpl
from dfbench.records import Faces, VideoRecord

if TYPE_CHECKING:
    from dfbench.api import load_detector, run
    from dfbench.predictions import read_predictions
    from dfbench.result import RunResult, load_result

__version__ = "0.5.0"

_LAZY = {
    "load_detector": "dfbench.api",
    "run": "dfbench.api",
    "RunResult": "dfbench.result",
    "load_result": "dfbench.result",
    "read_predictions": "dfbench.result",
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
