"""The templates, and the files of the main page written from them."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from dfbench.results import MetricValue
from dfbench_leaderboard.forms.render import csv_cell, plain
from dfbench_leaderboard.site.cells import clean, kind_class
from dfbench_leaderboard.site.static_table import Shown
from dfbench_leaderboard.site.table import Cell, Column, Table

HERE = Path(__file__).parent
MOST_STATIC = 300
"""Rows that the main page has without scripts; with more, ``table.html`` has all of them."""


def environment() -> jinja2.Environment:
    """Templates of ``site/templates``: what is put into them becomes text, whatever it is; a name
    that is missing is an error. Filters: ``counted`` (``3 | counted("run")`` is "3 runs"),
    ``kind_class`` (style of a kind's badge), ``metric`` (value and interval), ``facts`` (pairs of
    a name and a text as a list)."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        finalize=_printable,
    )
    made.globals |= {"root": "", "current": ""}
    made.filters |= {"counted": counted, "kind_class": kind_class, "metric": metric, "facts": facts}
    return made


def _printable(value: Any) -> Any:
    """Names without control characters, which could turn the writing of a page around."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def write_front(table: Table, out: Path, **context: Any) -> None:
    """Write ``index.html``, ``data.js``, ``table.csv``, ``assets/`` and, for a long table,
    ``table.html`` to ``out``.

    context: ``site_title``, ``generated`` (ISO date), ``version``, and ``counts``, a dict with the
    numbers of ``runs``, ``detectors``, ``datasets``, ``left_out``; ``ranked_by``, a metric's
    heading, and ``intervals_again``, whether its intervals were computed again. Texts of the table
    may be anything: they are cleaned here (``cells.clean``).
    """
    table = clean(table)
    templates = environment()
    context |= {"table": table, "root": ""}
    out.mkdir(parents=True, exist_ok=True)

    def write(name: str, shown: Shown) -> None:
        page = templates.get_template(name).stream({**context, "shown": shown})
        page.enable_buffering(1000)
        page.dump(str(out / name), "utf-8")

    write("index.html", Shown(table, MOST_STATIC))
    if len(table.lines) > MOST_STATIC:
        write("table.html", Shown(table, whole=True))
    (out / "data.js").write_text(data_script(table), "ascii")
    (out / "table.csv").write_text(as_csv(table), "utf-8")
    shutil.copytree(HERE / "assets", out / "assets", dirs_exist_ok=True)


def data_script(table: Table) -> str:
    """``window.DFBENCH = …;`` in ASCII, so no character of a name can end a line of script."""
    text = json.dumps(table.to_json(), allow_nan=False, separators=(",", ":"))
    return f"window.DFBENCH = {text};\n"


def as_csv(table: Table) -> str:
    """A line a row, numbers with all their digits, metrics in three columns, texts that no
    spreadsheet takes for a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = [head for column in table.columns for head in _heads(column)]
    own = ["test", "kind", "videos", "note", "rank", "tied", "marks"]
    writer.writerow([*own, *map(csv_cell, heads)])
    for line in table.lines:
        section = table.sections[line.section]
        row = [
            section.test,
            section.kind,
            section.videos,
            section.note,
            line.rank,
            line.tied,
            "; ".join(line.marks),
        ]
        for cell, column in zip(line.cells, table.columns, strict=True):
            row += _values(cell, column)
        writer.writerow([csv_cell(value) for value in row])
    return text.getvalue()


def _heads(column: Column) -> list[str]:
    ends = ("", "_low", "_high") if column.kind == "metric" else ("",)
    return [f"{column.key}{end}" for end in ends]


def _values(cell: Cell, column: Column) -> Sequence[Any]:
    if column.kind != "metric":
        return [cell]
    return cell if isinstance(cell, tuple) else (cell, None, None)


def metric(value: MetricValue | None) -> Markup:
    """Value and interval, ``–`` where there is none."""
    if value is None or value.value is None:
        return Markup("–")
    if value.low is None or value.high is None:
        return Markup(f"{value.value:.3f}")
    return Markup(f"{value.value:.3f} <small>[{value.low:.3f}, {value.high:.3f}]</small>")


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Those that say something. Not a macro: thousands of pages have thirty of them."""
    lines = [f"<dt>{escape(name)}<dd>{escape(plain(text))}\n" for name, text in pairs if text]
    return Markup(f'<dl class="facts">\n{"".join(lines)}</dl>\n')


def counted(number: int | list[Any], noun: str) -> str:
    """``1 run``, ``2,000 runs``; of a list, its length."""
    count = number if isinstance(number, int) else len(number)
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
