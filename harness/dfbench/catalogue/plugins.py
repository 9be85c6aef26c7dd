"""The catalogue: every card that the installed plugins bring, found by name.

Built-ins come in through the same entry points as anyone's; there is no list of them here.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import pluggy

from dfbench.catalogue import hookspecs
from dfbench.catalogue.cards import (
    AnyCard,
    Card,
    DatasetCard,
    DetectorCard,
    FaceDetectorCard,
    MetricCard,
    ProtocolCard,
)
from dfbench.catalogue.fetched import Fetched
from dfbench.errors import NameClashError, OptionError, UnknownNameError

GROUP = "dfbench"
Kind = Literal["detectors", "datasets", "metrics", "faces", "protocols"]
"""What plugins bring, as ``dfbench list KIND`` names it."""
HOOKS: dict[Kind, tuple[str, type[Card], str]] = {
    "detectors": ("dfbench_detectors", DetectorCard, "detector"),
    "datasets": ("dfbench_datasets", DatasetCard, "dataset"),
    "metrics": ("dfbench_metrics", MetricCard, "metric"),
    "faces": ("dfbench_face_detectors", FaceDetectorCard, "face detector"),
    "protocols": ("dfbench_protocols", ProtocolCard, "protocol"),
}
C = TypeVar("C", bound=Card)


@dataclass
class Plugin:
    """An installed plugin; ``broken`` says why it is left out, or is None."""

    name: str
    module: str
    distribution: str
    version: str
    broken: str | None = None


class Catalogue:
    """The plugins that are installed and what they bring.

    A plugin that cannot be imported, implements a hook this version does not know, or whose
    catalogue hook raises, is left out and listed in ``plugins`` with its reason.
    """

    def __init__(self, found: Iterator[EntryPoint] | None = None) -> None:
        self.manager = pluggy.PluginManager("dfbench")
        self.manager.add_hookspecs(hookspecs)
        self.plugins: dict[str, Plugin] = {}
        self._cards: dict[Kind, dict[str, dict[str, AnyCard]]] = {}
        for entry in sorted(found or entry_points(group=GROUP), key=lambda e: (e.name, e.value)):
            self._load(entry)

    def _load(self, entry: EntryPoint) -> None:
        plugin = Plugin(entry.name, entry.value, *_name_and_version(entry.dist))
        if entry.name in self.plugins:  # two distributions took one entry-point name
            plugin.name = f"{plugin.distribution}.{entry.name}"
        self.plugins[plugin.name] = plugin
        try:
            module = entry.load()
            if problem := _unknown_hooks(module):
                plugin.broken = problem
            else:
                self.manager.register(module, name=plugin.name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may fail in any way
            self.manager.unregister(name=plugin.name)
            plugin.broken = f"{type(error).__name__}: {error}"

    def cards(self, kind: Kind) -> dict[str, dict[str, AnyCard]]:
        """name -> plugin name -> card. Asks the plugins the first time."""
        if kind not in self._cards:
            hook, expected, _ = HOOKS[kind]
            found: dict[str, dict[str, AnyCard]] = {}
            for impl in list(getattr(self.manager.hook, hook).get_hookimpls()):
                for card in self._ask(impl.plugin_name, impl.function, expected):
                    found.setdefault(card.name, {})[impl.plugin_name] = card
            self._cards[kind] = dict(sorted(found.items()))
        return self._cards[kind]

    def _ask(self, name: str, hook: Callable[[], Any], expected: type[Card]) -> list[AnyCard]:
        try:
            cards = list(hook())
            for card in cards:
                if not isinstance(card, expected):
                    raise TypeError(f"{hook.__name__} returned {card!r}, not {expected.__name__}")
                if not card.name or set(card.name) & set("/:, "):
                    raise ValueError(f"card name {card.name!r} may not hold '/', ':', ',' or space")
            if twice := [name for name, n in Counter(c.name for c in cards).items() if n > 1]:
                raise ValueError(f"{hook.__name__} returned two cards called {twice[0]!r}")
            return cast("list[AnyCard]", cards)
        except Exception as error:  # noqa: BLE001 - reported by `dfbench list plugins`
            self.plugins[name].broken = f"{type(error).__name__}: {error}"
            self.manager.unregister(name=name)
            return []

    def find(self, kind: Kind, name: str) -> tuple[Plugin, AnyCard]:
        """The card called ``name`` or ``plugin/name``, and the plugin it comes from.

        Raises UnknownNameError with near matches, NameClashError naming both plugins.
        """
        what = HOOKS[kind][2]
        prefix, _, short = name.rpartition("/")
        offers = self.cards(kind).get(short, {})
        if prefix:
            offers = {plugin: card for plugin, card in offers.items() if plugin == prefix}
        if not offers:
            raise UnknownNameError(self._unknown(what, name, list(self.cards(kind))))
        if len(offers) > 1:
            options = " or ".join(f"{plugin}/{short}" for plugin in sorted(offers))
            raise NameClashError(f"two plugins offer a {what} {short!r}: say {options}")
        plugin_name, card = next(iter(offers.items()))
        return self.plugins[plugin_name], card

    def _unknown(self, what: str, name: str, known: list[str]) -> str:
        near = difflib.get_close_matches(name.rpartition("/")[2], known, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        broken = [p.name for p in self.plugins.values() if p.broken]
        left_out = f" Left out as broken: {', '.join(broken)}." if broken else ""
        return f"no {what} {name!r}.{hint} There are: {', '.join(known) or 'none'}.{left_out}"

    def detector(self, name: str) -> tuple[Plugin, DetectorCard]:
        return cast("tuple[Plugin, DetectorCard]", self.find("detectors", name))

    def dataset(self, name: str) -> tuple[Plugin, DatasetCard]:
        return cast("tuple[Plugin, DatasetCard]", self.find("datasets", name))

    def faces(self, name: str) -> tuple[Plugin, FaceDetectorCard]:
        return cast("tuple[Plugin, FaceDetectorCard]", self.find("faces", name))

    def metrics(self) -> dict[str, MetricCard]:
        """Every metric; where two plugins share a name both appear as ``plugin/name``."""
        flat: dict[str, MetricCard] = {}
        for name, offers in self.cards("metrics").items():
            for plugin, card in offers.items():
                key = name if len(offers) == 1 else f"{plugin}/{name}"
                flat[key] = cast("MetricCard", card)
        return flat

    def fetch_runs(
        self, address: str, experiments: Sequence[str], folder: Path
    ) -> Iterable[Fetched]:
        """The runs that a tracking server holds, as folders below ``folder``.

        Raises OptionError where no plugin knows such an address, TrackingError for a server that
        does not answer.
        """
        found = self.manager.hook.dfbench_fetch_runs(
            address=address, experiments=experiments, folder=folder
        )
        if not found:
            raise OptionError(f"{address}: no plugin knows such a tracking server")
        return cast("Iterable[Fetched]", found[0])

    def notify(self, hook: str, report: Callable[[str], None], **arguments: Any) -> None:
        """Call every listener of ``hook``; one that raises is reported, the others still run."""
        for impl in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            wanted: Mapping[str, Any] = {name: arguments[name] for name in impl.argnames}
            try:
                impl.function(**wanted)
            except Exception as error:  # noqa: BLE001 - a listener never loses a run
                report(f"{impl.plugin_name}: {hook} failed: {type(error).__name__}: {error}")


@cache
def _name_and_version(dist: Distribution | None) -> tuple[str, str]:
    """Kept: each look parses the distribution's metadata anew, and one brings many plugins."""
    return (dist.name, dist.version) if dist else ("?", "?")


def _unknown_hooks(module: object) -> str | None:
    for name in dir(module):
        marked = getattr(getattr(module, name, None), "dfbench_impl", None)
        if marked is not None and not hasattr(hookspecs, marked.get("specname") or name):
            return f"implements the hook {name}, which this dfbench does not know: update dfbench"
    return None


@cache
def open_catalogue() -> Catalogue:
    """The catalogue of this process: every plugin that is installed, opened once and kept.

    It raises nothing: a plugin that cannot be used is listed in ``plugins`` with the reason.
    """
    return Catalogue()
