"""Your own videos: a folder with ``real/`` and ``fake/``, or a CSV list."""

from __future__ import annotations

from collections.abc import Iterable

from dfbench import DatasetCard, hookimpl


@hookimpl
def dfbench_datasets() -> Iterable[DatasetCard]:
    return [
        DatasetCard(
            name="folder",
            summary="your own videos: real/ and fake/ sub-folders, or a CSV list",
            target="dfbench_folder.records:records",
            licence="yours",
            how_to_get="Give a folder that holds real/ and fake/ (fake/METHOD/… names the method), "
            "or a CSV file with the columns path,label[,split,group,method,original].",
        )
    ]
