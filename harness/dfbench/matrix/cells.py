"""Many detectors, trained and tested on many datasets: what cells there are, and how they stand.

A cell is an ordinary run in its ordinary folder. All cells of one detector, training set and seed
share a model. ``sweep`` does them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from dfbench.catalogue.names import fill_options, label, parse_name
from dfbench.catalogue.plugins import Catalogue
from dfbench.catalogue.reporter import Reporter
from dfbench.clips.perturb import perturbations
from dfbench.data.listing import Listing, read_dataset
from dfbench.errors import DfbenchError, ResultError
from dfbench.results.result import RunResult, load_result
from dfbench.results.spec import RunSpec
from dfbench.running.device import PRECISIONS
from dfbench.running.plan import Plan, make_plan
from dfbench.running.request import Request
from dfbench.running.runner import check_plan

NONE = "none"
"""In place of a training set: weights as they are."""
State = Literal["done", "to do", "failed before", "cannot start"]


@dataclass(frozen=True)
class Part:
    """A detector's part in a matrix: under which title, with which settings (of ``asked``, all but
    train, tests and seed hold), trained on what (``NONE``: not trained)."""

    title: str
    asked: Request
    trains: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One run. problem: why it cannot be started; it then has no spec and no folder."""

    detector: str
    train: str
    test: str
    variant: str
    seed: int
    spec: RunSpec | None = None
    folder: Path | None = None
    problem: str = ""

    def result(self) -> RunResult | None:
        """What stands in the folder. Raises ResultError where that cannot be read."""
        if self.folder is None or not (self.folder / "result.json").is_file():
            return None
        return load_result(self.folder)

    @property
    def state(self) -> State:
        if self.problem:
            return "cannot start"
        result = self.result()
        if result is None:
            return "to do"
        return "done" if result.status == "finished" else "failed before"


@dataclass(frozen=True)
class Model:
    """The cells of one detector, one training set and one seed. request: for those that can be
    started; its precision is what planning chose, so that every process finds the same folders."""

    name: str
    request: Request
    cells: tuple[Cell, ...]

    def todo(self) -> list[Cell]:
        again = self.request.again
        return [c for c in self.cells if not c.problem and (again or c.state != "done")]

    @property
    def folder(self) -> Path | None:
        """Where the trained model lies, or will lie."""
        specs = [cell.spec for cell in self.cells if cell.spec]
        return specs[0].model_folder(self.request.out) if specs else None


def dataset_label(text: str, catalogue: Catalogue) -> str:
    """``name[:key=value,…]`` without what is the default anyway: equal datasets, equal labels."""
    name, raw = parse_name(text)
    defaults = catalogue.dataset(name)[1].options
    filled = fill_options(name, defaults, raw)
    return label(name, {key: filled[key] for key in raw if filled[key] != defaults[key]})


def detector_label(text: str, catalogue: Catalogue) -> str:
    """As ``dataset_label``, for a detector."""
    name, raw = parse_name(text)
    card, filled = catalogue.detector(name)[1].configured(raw)
    return label(name, {key: filled[key] for key in raw if filled[key] != card.options[key]})


def plan_matrix(
    parts: Sequence[Part],
    tests: tuple[str, ...],
    seeds: tuple[int, ...],
    catalogue: Catalogue,
    reporter: Reporter,
) -> list[Model]:
    """All models with their cells, in the order asked for. What cannot be planned is a cell with a
    problem. Weights as they are have no seed: they are tested once, under the first."""
    read = _remembering()
    models: list[Model] = []
    for part in parts:
        for train in part.trains:
            trained = None if train == NONE else train
            request = replace(part.asked, train=trained, tests=tests, seed=seeds[0])
            planned = _plans(with_own_roots(request), seeds, catalogue, reporter, read)
            models += [
                _model(part.title, train, request, seed, planned)
                for seed in (seeds if trained else seeds[:1])
            ]
    return models


def _remembering() -> Callable[..., Listing]:
    """``read_dataset`` that reads each dataset once in the same way: a matrix asks often."""
    known: dict[Any, Listing] = {}

    def read(text: str, *args: Any, trained_on: bool, **others: Any) -> Listing:
        if (text, trained_on) not in known:
            known[text, trained_on] = read_dataset(text, *args, trained_on=trained_on, **others)
        return known[text, trained_on]

    return read


def with_own_roots(request: Request) -> Request:
    """Without the roots and split files of datasets that only other cells use."""
    own = {parse_name(name)[0] for name in (request.train, *request.tests) if name}
    return replace(
        request,
        data_roots={k: v for k, v in request.data_roots.items() if k in own},
        split_files={k: v for k, v in request.split_files.items() if k in own},
    )


def _plans(
    request: Request,
    seeds: tuple[int, ...],
    catalogue: Catalogue,
    reporter: Reporter,
    read: Callable[..., Listing],
) -> dict[str, Plan | str]:
    """A plan for each test, or why there is none. All in one where nothing is in the way."""
    try:
        plan = make_plan(request, catalogue, reporter, read)
        if _any_to_do(plan, seeds):
            check_plan(plan)
        return dict.fromkeys(request.tests, plan)
    except (DfbenchError, OSError) as error:
        if len(request.tests) == 1:
            return {request.tests[0]: str(error)}
    found: dict[str, Plan | str] = {}
    for test in request.tests:
        alone = with_own_roots(replace(request, tests=(test,)))
        found |= _plans(alone, seeds, catalogue, reporter, read)
    return found


def _any_to_do(plan: Plan, seeds: tuple[int, ...]) -> bool:
    """Whether any of its cells is, under any of the seeds."""
    cells = [
        _cell("", "", "", _seeded(test.spec, seed), plan.request.out)
        for test in plan.tests
        for seed in seeds
    ]
    return any(not cell.problem and (plan.request.again or cell.state != "done") for cell in cells)


def _model(
    title: str, train: str, request: Request, seed: int, planned: dict[str, Plan | str]
) -> Model:
    cells: list[Cell] = []
    for test, plan in planned.items():
        if isinstance(plan, str):
            variants = ["", *(p.variant for p in perturbations(request.perturb))]
            cells += [Cell(title, train, test, v, seed, problem=plan) for v in variants]
        else:
            cells += [
                _cell(title, train, test, _seeded(spec, seed), request.out)
                for spec in _specs(plan, test)
            ]
    plans = [plan for plan in planned.values() if isinstance(plan, Plan)]
    able = tuple(test for test, plan in planned.items() if isinstance(plan, Plan))
    name = f"{title} on {train}" + (f", seed {seed}" if request.train else "")
    request = with_own_roots(replace(request, tests=able, seed=seed))
    if plans:
        names = {fabric: name for name, fabric in PRECISIONS.items()}
        request = replace(request, precision=names[plans[0].model.precision])
    return Model(name, request, tuple(cells))


def _specs(plan: Plan, test: str) -> list[RunSpec]:
    """Of one test dataset: as it is, then perturbed."""
    each = len(plan.tests) // len(plan.request.tests)
    first = plan.request.tests.index(test) * each
    return [planned.spec for planned in plan.tests[first : first + each]]


def _seeded(spec: RunSpec, seed: int) -> RunSpec:
    model = spec.model
    train = replace(model.train, seed=seed) if model.train else None
    return replace(spec, seed=seed, model=replace(model, train=train))


def _cell(title: str, train: str, test: str, spec: RunSpec, out: Path) -> Cell:
    cell = Cell(title, train, test, spec.variant, spec.seed, spec, spec.folder(out))
    try:
        cell.result()
    except ResultError as error:  # of a newer dfbench: not to be overwritten
        return replace(cell, problem=str(error))
    return cell
