"""What training and testing both need: videos prepared, clips read, a device, a clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lightning_fabric import Fabric

from dfbench.catalogue.reporter import Advance, Reporter
from dfbench.clips.perturb import Perturbation
from dfbench.clips.reader import ClipReader
from dfbench.detector.network import Detector
from dfbench.faces.prepare import Prepared, prepare
from dfbench.running.plan import Plan
from dfbench.running.videos import Data
from dfbench.training.memory import keep_freed_memory


@dataclass
class Stages:
    """One model's or one test's way through the machine. seconds: spent so far, by stage."""

    plan: Plan
    reporter: Reporter
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, what: str, total: int) -> Iterator[Advance]:
        """Time a stage under ``name`` and show it as ``what``."""
        begin = time.perf_counter()
        try:
            with self.reporter.task(what, total) as advance:
                yield advance
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin

    def prepare(self, data: Data) -> list[Prepared]:
        """Every video of ``data`` in the face store; one ``Prepared`` a record, in their order."""
        plan = self.plan
        with self.stage("prepare", f"prepare {data.spec.dataset}", len(data.records)) as advance:
            return prepare(
                data.records,
                plan.card.clip,
                data.finder,
                plan.store,
                max(plan.workers, 1),
                advance,
                boxes_from_original=data.spec.boxes_from_original,
            )

    def reader(
        self, videos: list[Prepared], detector: Detector, perturb: Perturbation | None = None
    ) -> ClipReader:
        return ClipReader(
            videos,
            self.plan.store,
            self.plan.card.clip,
            detector.rules(),
            perturb=perturb,
            seed=self.plan.request.seed,
        )

    def fabric(self) -> Fabric:
        if self.plan.device == "cpu":
            keep_freed_memory()
        precision: Any = self.plan.model.precision
        return Fabric(accelerator=self.plan.device, devices=1, precision=precision)

    @property
    def batch_size(self) -> int:
        """Clips scored at once: as many as in training."""
        settings = self.plan.model.train
        asked = self.plan.request.batch_size or self.plan.card.recipe.batch_size
        return settings.batch_size if settings else asked
