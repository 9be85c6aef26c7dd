"""``dfbench list`` and ``dfbench show``: what is there."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from dfbench.cli import options
from dfbench.cli.options import option
from dfbench.errors import DfbenchError, UnknownNameError

if TYPE_CHECKING:
    from dfbench.catalogue.cards import AnyCard, DetectorCard
    from dfbench.catalogue.names import Option
    from dfbench.catalogue.plugins import Catalogue, Kind

KINDS = ("detectors", "datasets", "metrics", "faces", "protocols", "plugins", "runs")


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS))
@option("--out", type=click.Path(path_type=Path), default=Path("runs"), help="For runs: where.")
@options.as_json
def list_command(kind: str, out: Path, as_json: bool) -> None:
    """List detectors, datasets, metrics, faces, protocols, plugins or runs."""
    from dfbench.catalogue.plugins import open_catalogue

    if kind == "plugins":
        rows = _plugins(open_catalogue())
    elif kind == "runs":
        rows = _runs(out)
    else:
        rows = _cards(open_catalogue(), cast("Kind", kind))
    if as_json:
        click.echo(json.dumps({kind: rows}, ensure_ascii=False, indent=1))
        return
    from dfbench.cli.terminal.display import plain_table, stdout

    if not rows:
        click.echo(f"no {kind}")
        return
    shown = [k for k in rows[0] if not isinstance(rows[0][k], dict | list)]
    stdout().print(plain_table(shown, [[row[k] for k in shown] for row in rows]))


def _cards(known: Catalogue, kind: Kind) -> list[dict[str, Any]]:
    return [
        {
            "name": name if len(offers) == 1 else f"{plugin}/{name}",
            "summary": card.summary,
            "plugin": plugin,
            "year": card.year,
            "licence": card.licence,
            **_extra(card),
        }
        for name, offers in known.cards(kind).items()
        for plugin, card in offers.items()
    ]


def _extra(card: AnyCard) -> dict[str, Any]:
    from dfbench.catalogue.cards import DatasetCard, DetectorCard, MetricCard, ProtocolCard

    if isinstance(card, DetectorCard):
        return {
            "input": card.clip.level,
            "frames": card.clip.frames,
            "size": card.clip.size,
            "options": dict(card.options),
        }
    if isinstance(card, DatasetCard):
        return {"options": dict(card.options)}
    if isinstance(card, MetricCard):
        return {
            "needs": card.needs,
            "levels": ", ".join(card.levels),
            "higher_is_better": card.higher_is_better,
        }
    return {} if isinstance(card, ProtocolCard) else {"version": card.version}


def _plugins(known: Catalogue) -> list[dict[str, Any]]:
    from dfbench.catalogue.plugins import HOOKS

    for kind in HOOKS:  # a plugin may break only when it is asked for its cards
        known.cards(kind)
    return [
        {
            "name": p.name,
            "summary": p.broken or "works",
            "broken": p.broken is not None,
            "module": p.module,
            "distribution": p.distribution,
            "version": p.version,
        }
        for p in known.plugins.values()
    ]


def _runs(out: Path) -> list[dict[str, Any]]:
    from dfbench.results.result import load_result

    rows = []
    for file in sorted(out.glob("*/*/*/*/*/result.json")):
        try:
            result = load_result(file)
        except DfbenchError as error:
            rows.append(
                {
                    "name": file.parent.name,
                    "summary": str(error),
                    "status": "unreadable",
                    "folder": str(file.parent),
                }
            )
            continue
        spec = result.spec
        summary = f"{spec.model.label}: {spec.model.trained_on} -> {spec.test.label}"
        rows.append(
            {
                "name": spec.run_id,
                "summary": summary,
                "status": result.status,
                "folder": str(file.parent),
            }
        )
    return rows


@click.command("show")
@click.argument("name")
@options.as_json
def show_command(name: str, as_json: bool) -> None:
    """One card in full: paper, licence, input, weights, parameters."""
    from dfbench.catalogue.cards import DetectorCard, ProtocolCard
    from dfbench.catalogue.names import parse_name
    from dfbench.catalogue.plugins import open_catalogue

    short, given = parse_name(name)
    found = _find(open_catalogue(), short)
    tables = []
    for kind, plugin, card in found:
        table = {"kind": kind, "plugin": plugin}
        if isinstance(card, DetectorCard):
            card, chosen = card.configured(given)
            table |= asdict(card) | _network(card, chosen)
        elif isinstance(card, ProtocolCard):
            from dfbench.matrix.protocol_file import load_protocol

            table |= asdict(card) | load_protocol(f"{plugin}/{card.name}", open_catalogue()).told()
        else:
            table |= asdict(card)
        tables.append(table)
    if as_json:
        click.echo(json.dumps({"cards": tables}, ensure_ascii=False, indent=1))
        return
    for table in tables:
        for key, value in table.items():
            if value not in ("", None, {}, (), []):
                _print(key, value)


def _print(key: str, value: Any, depth: int = 0) -> None:
    pad = "  " * depth
    if isinstance(value, dict):
        click.echo(f"{pad}{key}:")
        for inner, part in value.items():
            _print(str(inner), part, depth + 1)
    elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        click.echo(f"{pad}{key}:")
        for part in value:
            (_, first), *others = part.items()
            click.echo(f"{pad}  {first}: {', '.join(f'{k} {v}' for k, v in others if v)}")
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        click.echo(
            f"{pad}{key}: {text:,}"
            if isinstance(value, int) and not isinstance(value, bool) and key != "year"
            else f"{pad}{key}: {text}"
        )


def _find(known: Catalogue, name: str) -> list[tuple[str, str, AnyCard]]:
    from dfbench.catalogue.plugins import HOOKS

    found = []
    for kind, (_, _, what) in HOOKS.items():
        try:
            plugin, card = known.find(kind, name)
            found.append((what, plugin.name, card))
        except UnknownNameError:
            continue
    if not found:
        import difflib

        names = sorted({n for kind in HOOKS for n in known.cards(kind)})
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UnknownNameError(f"nothing is called {name!r}.{hint} There are: {', '.join(names)}")
    return found


def _network(card: DetectorCard, options: dict[str, Option]) -> dict[str, Any]:
    """Parameter counts of the network as the options make it, stage by stage from the top: what
    ``--fine-tune 1``, ``2`` … train; and how many the recipe trains of trained weights."""
    from dfbench.detector.network import build_detector, count_parameters

    detector = build_detector(card, options)
    stages = {
        name: sum(count_parameters(module) for module in modules)
        for name, modules in reversed(detector.stages())
    }
    detector.fine_tune(card.recipe.fine_tune)
    return {
        "options": options,
        "learns from": "real videos alone" if detector.makes_fakes else "real and fake videos",
        "parameters": count_parameters(detector),
        "trained when it starts from weights": count_parameters(detector, trainable=True),
        "stages from the top": stages,
    }


COMMANDS = [list_command, show_command]
