"""What all charts are drawn with. Texts may hold anything: the tree escapes them, ``clean`` takes
out what XML does not know. Nothing has an id, so charts never clash on a page.

A unit of a drawing is a pixel of a page that is wide enough; texts are 13 or 11 units high.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

WIDTH = 360
"""Of a chart that a phone shows as it is."""
SIZE, SMALL = 13, 11
LONGEST = 500
"""Characters of a tip."""
_NARROW, _WIDE, _WIDER = "iljtfrI.,:;|!'()[] -/", "=+<>−", "mwMW@%—…"


@dataclass(frozen=True)
class Scale:
    """Values from ``low`` to ``high`` lie evenly from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def chart(kind: str, width: float, height: float, title: str, says: str, **more: str) -> Element:
    """The root. title: what it is, in a line; says: a sentence with the numbers that matter."""
    wide = " wide" if width > WIDTH + 40 else ""
    root = Element("svg", xmlns="http://www.w3.org/2000/svg", role="img")
    put(
        root,
        class_=f"plot {kind}{wide}",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        **more,
    )
    add(root, "title", title)
    add(root, "desc", says)
    return root


def markup(root: Element) -> str:
    """A picture may hold no controls, so with links it is a group."""
    if root.find(".//a") is not None:
        root.set("role", "group")
    return tostring(root, "unicode")


def message(kind: str, title: str, why: str) -> str:
    """In place of a chart that cannot be drawn: why not."""
    lines = wrapped(why, WIDTH - 40)
    root = chart(f"{kind} none", WIDTH, 44 + 18 * len(lines), title, why)
    for i, line in enumerate(lines):
        add(root, "text", line, x=20, y=36 + 18 * i)
    return tostring(root, "unicode")


def add(parent: Element, tag: str, text: str = "", **attributes: str | float | None) -> Element:
    """A new last child. ``class_`` and ``text_anchor`` stand for class and text-anchor; what is
    None or empty is left out."""
    child = SubElement(parent, tag)
    if text:
        child.text = clean(text)
    return put(child, **attributes)


def put(element: Element, **attributes: str | float | None) -> Element:
    for key, value in attributes.items():
        if value is not None and value != "":
            name = key.rstrip("_").replace("_", "-")
            element.set(name, clean(value) if isinstance(value, str) else number(value))
    return element


def tip(element: Element, text: str) -> Element:
    """Give it a text that is shown where a pointer rests, or by the script."""
    title = Element("title")
    title.text = brief(text, LONGEST)
    element.insert(0, title)
    return element


def linked(parent: Element, href: str) -> Element:
    """A link within ``parent``; ``parent`` itself where ``href`` is empty or no web address."""
    try:
        right = bool(href) and urlsplit(href).scheme in ("", "http", "https")
    except ValueError:
        right = False
    return add(parent, "a", href=href) if right else parent


def label(
    parent: Element,
    text: str,
    x: float,
    y: float,
    width: float,
    size: float = SIZE,
    class_: str = "",
    **more: str,
) -> Element:
    """A name, cut to ``width``; all of it in the tip then."""
    shown = cut(text, width, size)
    classes = f"{class_} small".strip() if size == SMALL else class_
    element = add(parent, "text", shown, x=x, y=y, class_=classes, **more)
    return element if shown == text else tip(element, text)


# --- texts ----------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Without control characters, which XML lacks and which could turn the writing around."""
    return "".join(c if c.isprintable() or c in "\n\xa0" else "\ufffd" for c in text)


def brief(text: str, most: int = LONGEST // 2) -> str:
    """Clean, and at most so many characters."""
    return clean(text if len(text) <= most else f"{text[:most]}…")


def number(value: float) -> str:
    """To a tenth. Raises ValueError for what is no number."""
    if not math.isfinite(value):
        raise ValueError(f"{value} cannot be drawn")
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def known(value: float | None) -> float | None:
    """None for what is no finite number."""
    return value if value is not None and math.isfinite(value) else None


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}\xa0%"


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """`` [low, high]``, or nothing."""
    low, high = known(low), known(high)
    if low is None or high is None:
        return ""
    return f" [{low:.{digits}f}, {high:.{digits}f}]".replace("-", "−")


def width_of(text: str, size: float = SIZE) -> float:
    """About how wide it is, on the wide side, in the fonts that systems use for pages."""
    return size * sum(map(_em, text[:LONGEST]))


def cut(text: str, width: float, size: float = SIZE) -> str:
    """At most that wide, its end replaced by … ."""
    text = clean(" ".join(text[: LONGEST + 1].split()))
    if width_of(text, size) <= width:
        return text
    kept = 0
    room = width / size - _em("…")
    for kept, char in enumerate(text):  # noqa: B007
        room -= _em(char)
        if room < 0:
            break
    return text[: max(kept, 1)].rstrip() + "…"


def wrapped(text: str, width: float, size: float = SIZE) -> list[str]:
    lines = [""]
    for word in clean(text).split(" "):  # a hard space stays
        longer = f"{lines[-1]} {word}".strip()
        if width_of(longer, size) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return [cut(line, width, size) for line in lines]


def listed(names: Sequence[str], most: int = 4) -> str:
    """``a, b and 3 more``."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _em(char: str) -> float:
    if char in _NARROW:
        return 0.38
    if char in _WIDE:
        return 0.84
    if char in _WIDER or unicodedata.east_asian_width(char) in "WF":
        return 1.0
    return 0.7 if char.isupper() else 0.6
