"""dfbench from Python: what ``dfbench.run`` and ``dfbench.load_detector`` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from dfbench.catalogue.names import parse_name
from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.reporter import Reporter
from dfbench.errors import OptionError
from dfbench.places import cache_folder, weights_folder
from dfbench.results.result import RunResult

if TYPE_CHECKING:
    from dfbench.detector.network import Detector


@overload
def run(detector: str, *, perturb: str | Sequence[str], **asked: Any) -> list[RunResult]: ...
@overload
def run(detector: str, *, dataset: str, **asked: Any) -> RunResult: ...
@overload
def run(detector: str, *, train: str | None, test: str, **asked: Any) -> RunResult: ...
@overload
def run(
    detector: str, *, train: str | None, test: Sequence[str], **asked: Any
) -> list[RunResult]: ...
def run(
    detector: str,
    *,
    dataset: str | None = None,
    train: str | None = None,
    test: str | Sequence[str] = (),
    data_root: Path | str | Mapping[str, Path | str] | None = None,
    perturb: str | Sequence[str] = (),
    reporter: Reporter | None = None,
    **asked: Any,
) -> RunResult | list[RunResult]:
    """What ``dfbench run`` does: a ``RunResult``, or a list of them for a list of tests, or where
    ``perturb`` is given: each test as it is, then perturbed (see ``evaluate.robustness``).

    ``train=None`` or ``"none"`` evaluates weights as they are. The other arguments are the
    command's options (``epochs``, ``batch_size``, ``seed``, ``out`` …; see ``request.Request``).
    Raises a DfbenchError for what the caller can mend.
    """
    from dfbench.running.request import Request
    from dfbench.running.runner import run as run_request

    if dataset is not None:
        if train is not None or test:
            raise OptionError("dataset=… is short for train=… and test=…: give either")
        train = test = dataset
    if not test:
        raise OptionError("say what to test on: dataset=… or test=…")
    tests = (test,) if isinstance(test, str) else tuple(dict.fromkeys(test))
    roots = data_root if isinstance(data_root, Mapping) else {"": data_root} if data_root else {}
    for name in ("out", "cache"):
        if isinstance(asked.get(name), str):
            asked[name] = Path(asked[name])
    request = Request(
        detector=detector,
        train=None if train == "none" else train,
        tests=tests,
        data_roots={name: Path(root) for name, root in roots.items()},
        perturb=(perturb,) if isinstance(perturb, str) else tuple(perturb),
        **asked,
    )
    results = run_request(request, open_catalogue(), reporter or Reporter())
    return results[0] if isinstance(test, str) and not request.perturb else results


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
