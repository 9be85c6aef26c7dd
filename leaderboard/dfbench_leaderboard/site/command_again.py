"""The command that makes a run again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from dfbench.results import ENSEMBLE, RunSpec

_OPTIONS = ("epochs", "batch_size", "lr", "layer_decay", "fine_tune", "augment")
_PRECISIONS = {"32-true": "32", "bf16-mixed": "bf16", "16-mixed": "16"}


def command(spec: RunSpec) -> str:
    """In one line, for a shell. Folders of this or that machine are left to the reader: a dataset
    that must be there is named by ``--data-root``, a file of weights by its name."""
    if spec.model.imported:
        words = [
            "dfbench",
            "score",
            "--import",
            "FILE.csv",
            "--dataset",
            spec.test.label,
            "--name",
            spec.model.detector,
        ]
        for option in ("level", "trained_on", "score_column"):
            if option in spec.model.options:
                words += [f"--{option.replace('_', '-')}", str(spec.model.options[option])]
    elif spec.model.plugin == ENSEMBLE:
        members = str(spec.model.options.get("members", "")).split("+")
        words = ["dfbench", "ensemble", *members, "--name", spec.model.detector]
    else:
        words = ["dfbench", "run", *_run(spec)]
    return shlex.join(words)


def _run(spec: RunSpec) -> Iterator[str]:
    model, train = spec.model, spec.model.train
    yield from ("--detector", model.label)
    yield from ("--train", train.data.label if train else "none", "--test", spec.test.label)
    yield from ("--weights", model.weights or "none")
    if train:
        for name in _OPTIONS:
            yield from (f"--{name.replace('_', '-')}", str(getattr(train, name)))
        yield "--balance" if train.balance else "--no-balance"
    yield from ("--faces", spec.test.faces, "--precision", _PRECISIONS[model.precision])
    yield from ("--seed", str(spec.seed), "--aggregate", spec.aggregate)
    yield from ("--on-missing", spec.on_missing)
    if spec.test.limit is not None:
        yield from ("--limit", str(spec.test.limit))
    if spec.variant:
        yield from ("--perturb", spec.variant.replace("=", ":", 1))
    for flag, given in (
        ("--all-faces", spec.test.all_faces),
        ("--boxes-from-original", spec.test.boxes_from_original),
        ("--lossy", spec.test.quality != "lossless"),
    ):
        if given:
            yield flag
