"""How a number reads. ``site/assets/rows.js`` has the same rules for the page with scripts."""

from __future__ import annotations

UNITS = (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12))


def size(value: float) -> str:
    """27977 -> 28.0 k, 46203074 -> 46.2 M."""
    for unit, one in UNITS:
        if float(f"{value / one:.1f}") < 1000 or unit == "T":
            break
    return f"{value / one:.1f} {unit}" if unit else as_it_is(value)


def share(value: float) -> str:
    """0.992 -> 99.2 %. Rounding never turns a part into the whole."""
    if value == 1:
        return "100 %"
    text = f"{100 * value:.1f} %"
    return "> 99.9 %" if value < 1 and text == "100.0 %" else text


def as_it_is(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
