"""Cards: what a plugin says about a thing before anything heavy is imported.

A card names its code as ``"package.module:Attribute"``; ``resolve()`` imports it on use. That is
why ``dfbench list`` stays fast however many plugins are installed, and why a plugin's ``__init__``
imports neither torch nor mlflow.
"""

from __future__ import annotations

import importlib
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from dfbench.catalogue.names import Option, fill_options
from dfbench.errors import OptionError, PluginError

Optimizer = Literal["adam", "adamw", "sgd", "sam"]
"""How weights move; see ``Recipe``."""
Schedule = Literal["constant", "cosine", "step", "linear", "inverse"]
"""How the learning rate falls; see ``Recipe``."""
Augment = Literal["none", "study", "strong", "own"]
"""How training clips are varied; see ``Recipe`` and ``Augmentation``."""
Needs = Literal["scores", "probabilities", "decisions"]
"""What a metric's function is given; see ``MetricCard``."""
Planned = Literal["aggregate", "training_clips"]
PLANNED: tuple[Planned, ...] = ("aggregate", "training_clips")
"""Methods of a detector's module on which it depends what is run, and under which id."""


@dataclass(frozen=True, kw_only=True)
class ClipSpec:
    """What a detector wants to see.

    frames: T, frames per clip; 1 makes it a frame detector.
    stride: distance between two frames of a clip, in source frames.
    windows: clips per video, spread evenly over it. 0 = the field's default: 32 single frames, or
        4 clips.
    size: side of the square input, pixels.
    margin: side of the crop in units of the face's longer side.
    align: ``box`` = upright square around the box; ``similarity`` = eyes level, by the five
        landmarks. Either way one geometry holds for all frames of a clip.
    mean, std: per RGB channel, in 0..1; applied by the harness before ``forward``.
    resize: interpolation used when the crop is brought to ``size``.
    landmarks: how many the detector needs, 5 or 68 (iBUG order); see ``Faces``.
    """

    frames: int = 1
    stride: int = 1
    windows: int = 0
    size: int = 224
    margin: float = 1.3
    align: Literal["box", "similarity"] = "box"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    resize: Literal["bilinear", "area", "nearest"] = "bilinear"
    landmarks: int = 5

    def __post_init__(self) -> None:
        for name in ("frames", "stride", "size", "margin"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")
        if self.landmarks not in (5, 68):
            raise ValueError(f"landmarks are 5 or 68, not {self.landmarks}")
        if self.windows == 0:
            object.__setattr__(self, "windows", 32 if self.frames == 1 else 4)

    @property
    def level(self) -> str:
        """``frame`` or ``clip``: the first half of the name of a metric on single scores."""
        return "frame" if self.frames == 1 else "clip"

    @property
    def length(self) -> str:
        """``1 frame`` or, say, ``16 frames``: a clip's length in words."""
        return "1 frame" if self.frames == 1 else f"{self.frames} frames"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a detector is trained unless the command line says otherwise.

    optimizer: ``sam`` is sharpness-aware minimisation on SGD. momentum: of ``sgd`` and ``sam``.
    schedule: ``constant``; ``cosine`` (falls from ``lr`` to 0); ``step`` (times ``decay`` after
        every ``decay_steps`` steps, 0 = after each epoch); ``linear`` (falls to 0 over the last
        share ``decay`` of all steps); ``inverse`` (``lr / (1 + decay * step)``).
    lr_floor: the rate never falls below it.
    layer_decay: factor on the rate for each stage below the top one; 1 = all stages alike.
    clips_per_video: clips drawn from each training video in each epoch; 0 = all of them.
    patience: epochs without a better validation score before training stops.
    balance: weight the classes so that both count the same in the loss.
    fine_tune: ``all``, ``head``, or how many stages from the top are trained when the run starts
        from trained weights; from random weights everything is trained.
    augment: ``none``, ``study``, ``strong``, or ``own``: what the detector's ``augment`` draws.
    weights: the published file that a run starts from unless ``--weights`` says otherwise; empty =
        random weights.
    """

    epochs: int = 10
    batch_size: int = 32
    lr: float = 1e-3
    optimizer: Optimizer = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: Schedule = "constant"
    decay: float = 0.1
    decay_steps: int = 0
    lr_floor: float = 0.0
    layer_decay: float = 1.0
    clips_per_video: int = 0
    patience: int = 5
    balance: bool = True
    fine_tune: str = "all"
    augment: Augment = "study"
    weights: str = ""


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A published file of weights.

    url: where it can be fetched; None where the publisher offers only a page (``page``). mirrors:
        other addresses of the same file, tried in turn.
    sha256: the digest, or as many of its first digits as the publisher gives. Where it is not
        whole, or None, that of the first use is recorded and holds from then on.
    """

    name: str
    filename: str
    summary: str = ""
    url: str | None = None
    mirrors: tuple[str, ...] = ()
    page: str = ""
    sha256: str | None = None
    size: int | None = None
    licence: str = "unknown"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A number quoted from a paper, never to be mixed with one that was measured here.

    source: paper or benchmark and its year. initial: what training started from. level: of the
    scores, ``frame``, ``clip`` or ``video``.
    """

    source: str
    train: str
    test: str
    level: str
    metric: str
    value: float
    initial: str = ""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What every card has. ``target`` is ``"package.module:Attribute"``."""

    name: str
    summary: str
    target: str
    paper: str = ""
    year: int | None = None
    licence: str = ""

    def resolve(self) -> Any:
        """Import and return what the card points to. Raises PluginError when that fails."""
        return resolve(self.target, f"{self.name!r}")


@dataclass(frozen=True, kw_only=True)
class DetectorCard(Card):
    """A detector. ``target(**options)`` returns a ``torch.nn.Module``:
    ``forward(clips float [B, 3, T, H, W]) -> logits float [B]``, positive = fake.

    options: the detector's own settings and their defaults, set by ``name:key=value``. One that
        bears the name of a field of ``ClipSpec`` (``frames``, ``size``) sets that field as well.
    weights: published files, each usable as ``--weights NAME``.
    aggregate: how a video's score comes from those of its clips, see ``AGGREGATES``, unless the
        module has a method ``aggregate`` of its own.
    methods: which of ``PLANNED`` the module brings, so that a run can be planned without importing
        it. None = not said: it is built to find out, which takes seconds.
    published: numbers that papers report of it.
    """

    clip: ClipSpec = field(default_factory=ClipSpec)
    aggregate: str = "mean"
    recipe: Recipe = field(default_factory=Recipe)
    options: Mapping[str, Option] = field(default_factory=dict)
    weights: tuple[WeightsFile, ...] = ()
    published: tuple[Published, ...] = ()
    methods: tuple[Planned, ...] | None = None

    def configured(self, given: Mapping[str, str]) -> tuple[DetectorCard, dict[str, Option]]:
        """This card with its clip as the given options make it, and all options filled in.

        Raises OptionError for an unknown option or a value that cannot be.
        """
        options = fill_options(self.name, self.options, given)
        of_clip: dict[str, Any] = {k: options[k] for k in given if k in _CLIP_FIELDS}
        try:
            clip = replace(self.clip, **of_clip)
        except ValueError as error:
            raise OptionError(f"{self.name}: {error}") from error
        return replace(self, clip=clip), options


@dataclass(frozen=True, kw_only=True)
class DatasetCard(Card):
    """A dataset. ``target(root, **options)`` returns an iterable of ``VideoRecord``.

    generate: ``"module:function"`` that fills a folder when the dataset is made, not downloaded;
        called as ``function(root, workers=…, reporter=…, **options)`` at each use of the dataset,
        so it returns at once when nothing is missing; see ``dfbench.catalogue.reporter.Reporter``.
    folder: where below the cache a generated dataset lives; cards that share it share the files.
    how_to_get: where to ask for access, in a sentence. dfbench never downloads a dataset.
    counts: published numbers, of all videos and by split, e.g. ``{"real": 890, "fake": 5639,
        "test/real": 178}``; where they depend on an option, those of its default.
    faces: the face detector that suits the dataset; empty = ``given`` where it ships boxes, else
        ``yunet``.
    overlap: an overlap between the *official* splits, in a sentence; carried into each result.
    """

    options: Mapping[str, Option] = field(default_factory=dict)
    generate: str | None = None
    folder: str = ""
    how_to_get: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    faces: str = ""
    overlap: str = ""


@dataclass(frozen=True, kw_only=True)
class MetricCard(Card):
    """A metric. ``target(labels int [N], scores float [N]) -> float``.

    needs: ``scores`` = raw scores, of which the order matters. ``probabilities`` = scores that mean
        what they say: the function is computed on the raw ones and again on those calibrated on
        validation. ``decisions`` = the function is given 0/1 decisions made at a threshold, and
        is computed at 0.5 and at those chosen on validation.
    weighted: the function also takes ``weights`` [..., N] and returns an array [...]; bootstrap
        intervals are then computed in one go.
    levels: what it is computed on: ``video`` scores, the scores of single frames or clips
        (``clip``), or both.
    """

    higher_is_better: bool
    levels: tuple[Literal["video", "clip"], ...] = ("video", "clip")
    needs: Needs = "scores"
    weighted: bool = False


@dataclass(frozen=True, kw_only=True)
class FaceDetectorCard(Card):
    """A face detector. ``target(weights: Path | None)`` returns an object with
    ``detect(images uint8 [N, H, W, 3], RGB) -> list[Faces]``, or with
    ``locate(record, frames, size) -> list[Faces]`` when it needs the record (``given``).

    version: part of the face store's key; raise it when the output changes.
    weights: what it needs. Of one file the path is handed over; of several, which are then all
        needed, the folder that holds them.
    """

    version: str = "1"
    weights: tuple[WeightsFile, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProtocolCard(Card):
    """A protocol: a TOML file that fixes a matrix, see ``dfbench.matrix.protocol``. ``target`` is
    ``"package:file.toml"``, a file that lies in the package."""

    def resolve(self) -> Any:
        """The text of the file. Raises PluginError when it is not there."""
        package, _, name = self.target.partition(":")
        try:
            return importlib.resources.files(package).joinpath(name).read_text("utf-8")
        except (OSError, ImportError, UnicodeDecodeError) as error:
            raise PluginError(
                f"{self.name!r} points to {self.target!r}, which cannot be read: {error}"
            ) from error


_CLIP_FIELDS = {f.name for f in fields(ClipSpec)}

AnyCard = DetectorCard | DatasetCard | MetricCard | FaceDetectorCard | ProtocolCard


def resolve(target: str, what: str) -> Any:
    """Import ``"package.module:Attribute"``; ``what`` names the owner in the error."""
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a plugin may fail in any way; --debug shows where
        why = f"{type(error).__name__}: {error}"
        raise PluginError(f"{what} points to {target!r}, which cannot be used: {why}") from error
