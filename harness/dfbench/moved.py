"""Modules of 0.5 that somebody may have imported: what is public is still found under the old name,
and for the rest the error says where it is now."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from dfbench.lazy import homes

MOVED = {
    "aggregate": "detector.aggregate",
    "attribution": "running.attribution",
    "audit": "faces.audit",
    "augment": "clips.augment",
    "cache": "faces.cache",
    "cards": "catalogue.cards",
    "catalogue": "catalogue.plugins",
    "check": "data.check",
    "checkpoint": "training.checkpoint",
    "clips": "faces.geometry",
    "confide": "running.confidence_stage",
    "confidence": "running.confidence",
    "containers": "video.containers",
    "crops": "faces.codec",
    "degrade": "clips.degrade",
    "detector": "detector.network",
    "duplicates": "data.duplicates",
    "ensemble": "running.ensemble",
    "estimate": "matrix.estimate",
    "evaluate.again": "evaluate.judgement",
    "evaluate.doubts": "running.foreign.doubts",
    "evaluate.follow": "evaluate.recompute",
    "evaluate.imported": "running.foreign.check",
    "evaluate.judge": "evaluate.judgement",
    "evaluate.matching": "running.foreign.matching",
    "evaluate.problems": "running.foreign.score_file",
    "evaluate.score_file": "running.foreign.score_file",
    "evaluate.truth": "results.truth",
    "evaluate.verify": "evaluate.verification",
    "faces": "faces.tracks",
    "fetched": "catalogue.fetched",
    "findings": "data.findings",
    "foreign": "running.foreign.importing",
    "headers": "video.headers",
    "hookspecs": "catalogue.hookspecs",
    "initial": "detector.initial",
    "job": "matrix.job",
    "leaks": "data.leaks",
    "listing": "data.listing",
    "lists": "data.lists",
    "loader": "clips.loader",
    "make": "faces.cut",
    "matrix": "matrix.cells",
    "matrix_files": "matrix.files",
    "memory": "training.memory",
    "model": "running.model",
    "optim": "training.optim",
    "perturb": "clips.perturb",
    "pictures": "video.pictures",
    "plan": "running.plan",
    "predict": "training.predict",
    "prepare": "faces.prepare",
    "protocol": "matrix.protocol",
    "protocol_file": "matrix.protocol_file",
    "provenance": "results.provenance",
    "reader": "clips.reader",
    "records": "catalogue.records",
    "reporter": "catalogue.reporter",
    "request": "running.request",
    "result": "results.result",
    "runner": "running.runner",
    "seeking": "video.seeking",
    "sheet": "faces.sheet",
    "shown": "faces.sheet",
    "spec": "results.spec",
    "splits": "data.splits",
    "stages": "running.stages",
    "start": "running.start",
    "store": "faces.store",
    "stored": "faces.file",
    "sweep": "matrix.sweep",
    "train": "training.loop",
    "video": "video.reader",
    "weights": "detector.weights",
    "windows": "faces.windows",
}
"""Modules below ``dfbench``: old name -> new. Six old ones bear the name of a room today."""
NAMES = {
    "cards.Option": "catalogue.names.Option",
    "cards.fill_options": "catalogue.names.fill_options",
    "cards.parse_name": "catalogue.names.parse_name",
    "catalogue.catalogue": "catalogue.plugins.open_catalogue",
    "clips.TEMPLATE": "faces.geometry.FACE_TEMPLATE",
    "clips.five": "faces.geometry.five_points",
    "clips.similarity": "faces.geometry.fit_similarity",
    "detector.InitialState": "detector.initial.InitialState",
    "detector.build": "detector.network.build_detector",
    "detector.check_classes_order": "detector.initial.check_classes_order",
    "detector.unwrapped": "detector.initial.unwrapped",
    "evaluate.follow.known": "evaluate.recompute.is_known_metric",
    "plan.Data": "running.videos.Data",
    "plan.find_faces": "running.videos.find_faces",
    "request.check_device": "running.device.check_device",
    "runner.Run": "running.work.Run",
    "lists.IMAGE_ENDINGS": "video.endings.IMAGE_ENDINGS",
    "lists.VIDEO_ENDINGS": "video.endings.VIDEO_ENDINGS",
    "lists.choose": "data.lists.choose_options",
    "lists.choose_one": "data.lists.choose_option",
    "lists.is_video_name": "video.endings.is_video_name",
    "provenance.now": "results.provenance.utc_now",
    "records.inside": "catalogue.records.path_inside",
    "result.COLUMNS": "results.predictions.PREDICTION_COLUMNS",
    "result.read_predictions": "results.predictions.read_predictions",
    "result.rewrite": "results.predictions.rewrite",
    "result.write_atomic": "files.write_atomic",
    "result.write_json": "files.write_json",
    "result.write_predictions": "results.predictions.write_predictions",
    "spec.check_types": "results.typed.check_types",
    "spec.label": "catalogue.names.label",
    "spec.safe": "files.safe_name",
    "splits.divide": "data.splits.assign_splits",
    "store.StoredVideo": "faces.file.StoredVideo",
    "store.StoredWindow": "faces.file.StoredWindow",
    "store.arrays": "faces.file.arrays",
    "store.fingerprint": "video.fingerprint.fingerprint",
    "weights.read_tensors": "detector.tensors.read_tensors",
}
"""Names that did not go with their module, or have another name now."""
PUBLIC = ("dfbench", "dfbench.results", "dfbench.evaluate")


def old_names(module: str) -> Callable[[str], Any]:
    """``__getattr__`` of a module of 0.5: its public names, wherever they are now.

    Raises ImportError for a name that is not public, saying where it is; AttributeError for one
    that never was.
    """
    short = module.removeprefix("dfbench.")

    def get(name: str) -> Any:
        path = NAMES.get(f"{short}.{name}", f"{MOVED[short]}.{name}")
        home, _, now = f"dfbench.{path}".rpartition(".")
        a_module = "__path__" in vars(sys.modules[module]) and find_spec(f"{module}.{name}")
        if name.startswith("__") or a_module or not hasattr(importlib.import_module(home), now):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        for package in PUBLIC:
            if homes(package).get(now) == home:
                told = f"{module}.{name} has moved: it is {package}.{now} now"
                warnings.warn(told, DeprecationWarning, stacklevel=2)
                return getattr(importlib.import_module(package), now)
        if name.startswith("_"):  # a pickle names the functions of its hooks
            return getattr(importlib.import_module(home), now)
        raise ImportError(
            f"{module}.{name} has moved: it is {home}.{now} now, and may move again; what plugins "
            "import is in dfbench itself (CHANGELOG, Modules that moved)"
        )

    return get


class _OldModules(MetaPathFinder, Loader):
    """Is asked last, for modules that are not there."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        old = fullname.startswith("dfbench.") and fullname.removeprefix("dfbench.") in MOVED
        return ModuleSpec(fullname, self) if old else None

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__getattr__"] = old_names(module.__name__)


_FINDER = _OldModules()


def install() -> None:
    """Let the old modules be imported; once is enough."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)
