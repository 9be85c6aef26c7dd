"""dfbench from Python: what ``dfbench.run`` and ``dfbench.load_detector`` do."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

from dfbench.catalogue.cards import Augment
from dfbench.catalogue.names import parse_name
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.reporter import Reporter
from dfbench.errors import OptionError
from dfbench.places import cache_folder, weights_folder
from dfbench.results.result import RunResult
from dfbench.results.spec import OnMissing

if TYPE_CHECKING:
    from dfbench.detector.network import Detector

Roots = Path | str | Mapping[str, Path | str]


class RunOptions(TypedDict, total=False):
    """What ``run`` takes beside detector, datasets and perturbations: the options of ``dfbench
    run``, under their names. Left out or None = what the detector's card says.

    data_root, split_file: a path, or paths by dataset name. weights: a published name, a file, or
        ``none`` for random numbers. fine_tune: ``all``, ``none``, ``head``, or how many stages from
        the top. lr: above 0. layer_decay: factor on ``lr`` a stage. batch_size: clips. limit: at
        most so many videos a split. workers: processes; 0 = this one alone. seed: 0 or above.
    on_missing: what a video without a score counts as. aggregate: from clip scores to a video's.
    confidence: ``abc[:key=value,…]``. again: do a finished run anew. out: where runs go. cache:
        where face clips and weights are kept. reporter: is told what goes on; silent by default.
    """

    data_root: Roots | None
    split_file: Roots | None
    weights: str | Path | None
    fine_tune: str | int | None
    faces: str | None
    all_faces: bool
    boxes_from_original: bool
    lossy: bool
    epochs: int | None
    batch_size: int | None
    lr: float | None
    balance: bool | None
    augment: Augment | None
    layer_decay: float | None
    seed: int
    limit: int | None
    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["auto", "32", "bf16", "16"]
    workers: int | None
    out: Path | str
    cache: Path | str | None
    on_missing: OnMissing
    aggregate: str | None
    protocol: str
    confidence: str | None
    again: bool
    reporter: Reporter | None


@overload
def run(
    detector: str, *, dataset: str, perturb: str | Sequence[str], **options: Unpack[RunOptions]
) -> list[RunResult]: ...
@overload
def run(
    detector: str,
    *,
    train: str | None,
    test: str | Sequence[str],
    perturb: str | Sequence[str],
    **options: Unpack[RunOptions],
) -> list[RunResult]: ...
@overload
def run(detector: str, *, dataset: str, **options: Unpack[RunOptions]) -> RunResult: ...
@overload
def run(  # type: ignore[overload-overlap]  # a text is a sequence of texts: the first one counts
    detector: str, *, train: str | None, test: str, **options: Unpack[RunOptions]
) -> RunResult: ...
@overload
def run(
    detector: str, *, train: str | None, test: Sequence[str], **options: Unpack[RunOptions]
) -> list[RunResult]: ...
def run(
    detector: str,
    *,
    dataset: str | None = None,
    train: str | None = None,
    test: str | Sequence[str] = (),
    perturb: str | Sequence[str] = (),
    data_root: Roots | None = None,
    split_file: Roots | None = None,
    weights: str | Path | None = None,
    fine_tune: str | int | None = None,
    faces: str | None = None,
    all_faces: bool = False,
    boxes_from_original: bool = False,
    lossy: bool = False,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    balance: bool | None = None,
    augment: Augment | None = None,
    layer_decay: float | None = None,
    seed: int = 0,
    limit: int | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    precision: Literal["auto", "32", "bf16", "16"] = "auto",
    workers: int | None = None,
    out: Path | str = "runs",
    cache: Path | str | None = None,
    on_missing: OnMissing = "chance",
    aggregate: str | None = None,
    protocol: str = "",
    confidence: str | None = None,
    again: bool = False,
    reporter: Reporter | None = None,
    **misspelt: object,
) -> RunResult | list[RunResult]:
    """What ``dfbench run`` does: a ``RunResult``, or a list of them for a list of tests, or where
    ``perturb`` is given: each test as it is, then perturbed, mild to severe.

    detector, dataset, train, test: ``NAME`` or ``NAME:option=value,…``; ``dataset`` is short for
    ``train`` and ``test``; ``train=None`` or ``"none"`` evaluates weights as they are. The other
    arguments are explained in ``RunOptions``. Nothing is computed for a run that is finished.

    Raises a DfbenchError for what the caller can mend, TypeError for a keyword there is not.
    """
    settings = {k: v for k, v in locals().items() if k in RunOptions.__annotations__}
    if misspelt:
        raise TypeError(_no_keyword(next(iter(misspelt)), settings))
    train, tests = _datasets(dataset, train, test)
    given = {
        **settings,
        "detector": detector,
        "train": None if train == "none" else train,
        "tests": tests,
        "perturb": (perturb,) if isinstance(perturb, str) else tuple(perturb),
    }
    results = _run(given)
    single = dataset is not None or isinstance(test, str)
    return results[0] if single and not perturb else results


def _no_keyword(name: str, settings: Mapping[str, Any]) -> str:
    known = ["detector", "dataset", "train", "test", "perturb", *settings]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f": did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
    return f"dfbench.run has no argument {name!r}{hint}"


def _datasets(
    dataset: str | None, train: str | None, test: str | Sequence[str]
) -> tuple[str | None, tuple[str, ...]]:
    if dataset is not None:
        if train is not None or test:
            raise OptionError("dataset=… is short for train=… and test=…: give either")
        train = test = dataset
    if not test:
        raise OptionError("say what to test on: dataset=… or test=…")
    return train, (test,) if isinstance(test, str) else tuple(dict.fromkeys(test))


def _run(given: dict[str, Any]) -> list[RunResult]:
    """A request from plain values: paths may be texts, and one root stands for itself."""
    from dfbench.running.request import Request
    from dfbench.running.runner import run as run_request

    reporter = given.pop("reporter") or Reporter()
    for name, plural in (("data_root", "data_roots"), ("split_file", "split_files")):
        roots = given.pop(name) or {}
        roots = roots if isinstance(roots, Mapping) else {"": roots}
        given[plural] = {key: Path(path) for key, path in roots.items()}
    for name in ("out", "cache"):
        given[name] = None if given[name] is None else Path(given[name])
    for name in ("weights", "fine_tune"):
        given[name] = None if given[name] is None else str(given[name])
    return run_request(Request(**given), open_catalogue(), reporter)


def load_detector(
    name: str, weights: str | Path | None = None, *, cache: Path | None = None, seed: int = 0
) -> Detector:
    """The detector ``name[:option=value,…]`` as a module, in eval mode.

    It takes clips float [B, 3, T, H, W] in 0..1 and returns logits [B], positive = fake; its
    ``network`` is the bare network without the normalisation. weights: a published name or a
    file (official, or a run's ``model.safetensors``); None = random from ``seed``. Raises
    WeightsError, UnknownNameError, OptionError.
    """
    from dfbench.detector.network import build_detector
    from dfbench.detector.tensors import read_tensors
    from dfbench.detector.weights import locate

    short, given = parse_name(name)
    _, card = open_catalogue().detector(short)
    card, options = card.configured(given)
    detector = build_detector(card, options, seed)
    if weights is not None:
        found = locate(card, str(weights), weights_folder(cache_folder(cache)))
        detector.load(read_tensors(found.path), str(found.path))
    return detector.eval()
