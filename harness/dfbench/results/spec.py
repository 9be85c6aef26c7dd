"""What was run, frozen: two runs with equal specs are one run and share one folder.

Nothing here depends on the machine: no paths, no dates, no device. Those are provenance and stand
in ``result.json`` beside the spec.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.names import Option, label
from dfbench.files import safe_name
from dfbench.results.typed import check_types

SCHEMA = 1
IMPORTED = "imported"
"""The plugin of a model that was never here: somebody gave its scores."""
ENSEMBLE = "ensemble"
"""The plugin of a model that is the mean of others."""
_ADDED = {"aggregate": "mean", "protocol": ""}
OnMissing = Literal["chance", "exclude"]
"""What becomes of a test video without a score: it counts as 0.5, or is left out."""


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """A dataset as it was read.

    fingerprint: sha256 over id, label, split, method, original, group and file size of each record
        used; the same list, in one order, of the same files has one digest on every machine.
    faces, faces_version: the face detector that found the faces in it.
    limit: videos per split kept by ``--limit``, or None for all: a limited run is a quick look.
    all_faces: everyone in a video is scored, not the main subject alone. boxes_from_original: a
        fake's faces are its original's. quality: of the stored crops, see ``faces.codec.Quality``.
    """

    dataset: str
    options: Mapping[str, Option] = field(default_factory=dict)
    fingerprint: str
    videos: int
    faces: str
    faces_version: str
    limit: int | None = None
    all_faces: bool = False
    boxes_from_original: bool = False
    quality: str = "lossless"

    @property
    def label(self) -> str:
        return label(self.dataset, self.options)


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """How the model was trained; see ``Recipe`` for the fields they share."""

    data: DataSpec
    seed: int
    epochs: int
    batch_size: int
    lr: float
    weight_decay: float
    schedule: str
    clips_per_video: int
    patience: int
    balance: bool
    fine_tune: str
    augment: str
    optimizer: str = "adam"
    momentum: float = 0.9
    decay: float = 0.1
    decay_steps: int = 0
    lr_floor: float = 0.0
    layer_decay: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """Everything the trained model depends on. ``train`` is None with ``--train none``.

    options: all of the detector's options, ``given`` those that were set by the user.
    weights, weights_sha256: what it started from; None = random initialisation.
    """

    detector: str
    plugin: str
    plugin_version: str
    options: Mapping[str, Option] = field(default_factory=dict)
    given: Mapping[str, Option] = field(default_factory=dict)
    weights: str | None
    weights_sha256: str | None
    clip: ClipSpec
    reader: str
    precision: str
    train: TrainSpec | None

    @cached_property
    def model_id(self) -> str:
        return digest(_plain(self))

    @property
    def label(self) -> str:
        return label(self.detector, self.given)

    @property
    def imported(self) -> bool:
        return self.plugin == IMPORTED

    @property
    def made_elsewhere(self) -> bool:
        """Whether it is no network of this machine's, but scores that came from somewhere."""
        return self.plugin in (IMPORTED, ENSEMBLE)

    @property
    def trained_on(self) -> str:
        if self.made_elsewhere:  # what whoever gave the scores says, or what the members say
            return str(self.options.get("trained_on", "unknown"))
        return self.train.data.label if self.train else "none"


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One row of the leaderboard: a model, tested on one dataset.

    variant: how the test videos were perturbed; empty = not at all. aggregate: from the scores of
    a video's clips to its own, see ``aggregate``. protocol: ``name@digest`` of the
    protocol that asked for the run; empty = none.
    """

    model: ModelSpec
    test: DataSpec
    variant: str = ""
    on_missing: OnMissing = "chance"
    seed: int = 0
    schema: int = SCHEMA
    aggregate: str = "mean"
    protocol: str = ""

    @cached_property
    def run_id(self) -> str:
        data = _plain(self)
        for name, before in _ADDED.items():  # specs written before these fields keep their ids
            if data[name] == before:
                del data[name]
        return digest(data)

    @property
    def limited(self) -> bool:
        train = self.model.train
        return self.test.limit is not None or (train is not None and train.data.limit is not None)

    @property
    def clips_a_person(self) -> int | None:
        """Clip numbers for each person where all faces are scored, else None."""
        return self.model.clip.windows if self.test.all_faces else None

    def model_folder(self, out: Path) -> Path:
        """``out/<train>/<detector>/<model_id>``; imported scores lie below ``out/imported``,
        ensembles below ``out/ensemble``."""
        model = self.model
        first = model.plugin if model.made_elsewhere else model.trained_on
        return out / safe_name(first) / safe_name(model.label) / model.model_id

    def folder(self, out: Path) -> Path:
        """``out/<train>/<detector>/<model_id>/<test>[+variant]/<run_id>``."""
        tested = self.test.label + (f"+{self.variant}" if self.variant else "")
        return self.model_folder(out) / safe_name(tested) / self.run_id

    def to_json(self) -> dict[str, Any]:
        return {"run_id": self.run_id, "model_id": self.model.model_id, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunSpec:
        """The inverse of ``to_json``. Raises KeyError or TypeError when parts are missing."""
        model = _take(ModelSpec, data["model"])
        model["clip"] = ClipSpec(
            **{k: _tuple(v) for k, v in _take(ClipSpec, model["clip"]).items()}
        )
        if model["train"] is not None:
            train = _take(TrainSpec, model["train"])
            train["data"] = DataSpec(**_take(DataSpec, train["data"]))
            model["train"] = TrainSpec(**train)
        rest = _take(cls, data)
        rest.update(model=ModelSpec(**model), test=DataSpec(**_take(DataSpec, data["test"])))
        return cls(**rest)


def _plain(spec: Any) -> dict[str, Any]:
    """``dataclasses.asdict`` without its copies, which take longer than all else about a digest."""
    values = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    return {k: _plain(v) if hasattr(v, "__dataclass_fields__") else v for k, v in values.items()}


def digest(data: Mapping[str, Any]) -> str:
    """First 12 hex digits of the sha256 of canonical JSON (sorted keys, no spaces)."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _take(kind: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of ``data`` that ``kind`` has fields for: a newer file may hold more. Raises
    TypeError for one of another type."""
    taken = {f.name: data[f.name] for f in fields(kind) if f.name in data}
    check_types(kind, taken)
    return taken


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
