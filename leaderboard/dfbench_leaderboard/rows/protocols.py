"""Runs that say they are part of a protocol: are they?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from dfbench import DfbenchError, Protocol, load_protocol, open_catalogue
from dfbench.results import RunSpec
from dfbench_leaderboard.rows.found import LeftOut
from dfbench_leaderboard.rows.row import Row


def within(rows: Sequence[Row], left_out: list[LeftOut]) -> list[Row]:
    """Without the runs that claim a protocol and are none of its cells. A protocol that is not
    installed here, or in another version, cannot be asked: its runs are kept, under its digest."""
    kept = []
    for row in rows:
        fault = _fault(row.spec)
        if fault is None:
            kept.append(row)
        else:
            left_out.append(LeftOut(row.source, fault, rejected=True))
    return kept


def _fault(spec: RunSpec) -> str | None:
    name, _, digest = spec.protocol.partition("@")
    protocol = _protocol(name) if name else None
    if protocol is None or protocol.digest != digest:
        return None
    trained_on = spec.model.trained_on
    wrong = {
        f"tests on {', '.join(protocol.tests)}, not on {spec.test.label}": spec.test.label
        not in protocol.tests,
        f"has no {spec.model.label} trained on {trained_on}": not any(
            entrant.detector == spec.model.label and trained_on in entrant.trains
            for entrant in protocol.entrants
        ),
        f"has the seeds {', '.join(map(str, protocol.seeds))}, not {spec.seed}": spec.seed
        not in protocol.seeds,
        "takes all videos, not some": spec.limited,
    }
    said = [what for what, is_so in wrong.items() if is_so]
    return f"the protocol {spec.protocol} {'; '.join(said)}" if said else None


@cache
def _protocol(name: str) -> Protocol | None:
    try:
        return load_protocol(name, open_catalogue()) if not name.endswith(".toml") else None
    except DfbenchError:
        return None
