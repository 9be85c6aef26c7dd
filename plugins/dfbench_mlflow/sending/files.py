"""Where the parts of a run lie on disk, and which of them are kept with it in MLflow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dfbench import RunResult

OWN = (
    "spec.json",
    "result.json",
    "predictions.csv",
    "videos.csv",
    "confidence.csv",
    "mistakes.jpg",
)
"""Files of a run's folder."""
SHARED = ("train.json", "log.jsonl")
"""Files of the model's folder."""


@dataclass(frozen=True)
class Files:
    """Where the parts of a run lie. model: the model's folder, None for a run copied out of it."""

    run: Path
    model: Path | None
    out: Path

    @classmethod
    def of(cls, result: RunResult, folder: Path) -> Files:
        run = folder.resolve()
        if run.parent.parent.name == result.spec.model.model_id and len(run.parents) > 4:
            return cls(run, run.parent.parent, run.parents[4])
        return cls(run, None, run.parent)

    def in_model(self, name: str) -> Path | None:
        path = self.model / name if self.model else None
        return path if path and path.is_file() else None

    def artifacts(self) -> list[Path]:
        own = [path for name in OWN if (path := self.run / name).is_file()]
        found = [*map(self.in_model, SHARED), self._validation()]
        return own + [path for path in found if path]

    def _validation(self) -> Path | None:
        """The scores that thresholds are chosen on: the run's own where it was not scored here,
        else the model's."""
        own = self.run / "validation.csv"
        return own if own.is_file() else self.in_model("validation.csv")
