"""Commands that also take the options of the datasets they are used with."""

from __future__ import annotations

from typing import Any

import click

_META = "dfbench.dataset_options"


class DatasetCommand(click.Command):
    """A command with the options of all datasets beside its own: ``--compression c23`` is another
    spelling of ``ffpp:compression=c23``. Where a name is taken by the command itself (``--seed``)
    only the second spelling is left."""

    _added: list[click.Parameter] | None = None

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        if self._added is None:
            taken = {name for param in own for name in param.opts}
            self._added = [option for option in _dataset_options() if option.opts[0] not in taken]
        return [*own, *self._added]


def _dataset_options() -> list[click.Option]:
    from dfbench.catalogue.cards import DatasetCard
    from dfbench.catalogue.plugins import open_catalogue

    who: dict[str, list[str]] = {}
    for name, offers in open_catalogue().cards("datasets").items():
        for card in offers.values():
            assert isinstance(card, DatasetCard)
            for key in card.options:
                if name not in who.setdefault(key, []):
                    who[key].append(name)
    return [
        click.Option(
            [f"--{key.replace('_', '-')}", key],
            metavar="VALUE",
            expose_value=False,
            callback=_keep,
            help=f"Option of {', '.join(names)}.",
        )
        for key, names in sorted(who.items())
    ]


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is not None:
        ctx.meta.setdefault(_META, {})[param.name] = str(value).replace(",", "+")


def with_options(*names: str | None) -> list[str | None]:
    """The datasets as ``name:key=value,…`` with the options that were given on their own, each put
    to every dataset that has it. Raises click.UsageError for one that none of them has."""
    from dfbench.catalogue.names import parse_name
    from dfbench.catalogue.plugins import open_catalogue

    given: dict[str, str] = click.get_current_context().meta.get(_META, {})
    unused = set(given)
    found: list[str | None] = []
    for text in names:
        if text is None or text == "none":
            found.append(text)
            continue
        name, already = parse_name(text)
        card = open_catalogue().dataset(name)[1]
        own = {key: value for key, value in given.items() if key in card.options}
        if twice := sorted(set(own) & set(already)):
            raise click.UsageError(f"{twice[0]} is given in {text!r} and by --{twice[0]}")
        unused -= set(own)
        pairs = ",".join(f"{key}={value}" for key, value in {**already, **own}.items())
        found.append(f"{name}:{pairs}" if pairs else name)
    if unused:
        asked = ", ".join(sorted({parse_name(n)[0] for n in names if n}))
        raise click.UsageError(f"--{sorted(unused)[0].replace('_', '-')} is no option of {asked}")
    return found
