"""Two small datasets, and a matrix whose jobs run in this process."""

from __future__ import annotations

import pytest
from small_grids import draw_people

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.reporter import Reporter
from dfbench.errors import DfbenchError
from dfbench.matrix import sweep


@pytest.fixture(scope="session")
def roots(make_video, tmp_path_factory) -> list[str]:
    """Two small datasets as options."""
    top = tmp_path_factory.mktemp("matrix-data")
    folder = draw_people(make_video, top / "folder", lambda _, n: f"{n}.mp4", 0)
    uadfv = draw_people(
        make_video, top / "uadfv", lambda k, n: f"{n:04d}{'' if k == 'real' else '_fake'}.mp4", 15
    )
    return [f"--data-root=folder={folder}", f"--data-root=uadfv={uadfv}"]


@pytest.fixture(scope="session")
def settings(roots, tmp_path_factory) -> list[str]:
    cache = tmp_path_factory.mktemp("matrix-cache")
    return [
        *roots,
        "--faces=center",
        "--weights=none",
        "--epochs=1",
        "--batch-size=64",
        "--workers=0",
        "--device=cpu",
        f"--cache={cache}",
    ]


@pytest.fixture
def here(monkeypatch):
    """Jobs run in this process, which spares imports; the requests they were given."""
    import torch

    import dfbench.running.work

    monkeypatch.setenv("DFBENCH_TRACKING", "off")
    monkeypatch.setattr(dfbench.running.work, "draw_mistakes", lambda *_: None)  # takes seconds
    done = []

    def do(request, _log, _cwd, _env, hear):
        from dfbench.running.runner import run

        done.append(request)
        hear({"task": "train", "total": 3})
        hear({"advance": 1})
        try:
            run(request, open_catalogue(), Reporter())
        except DfbenchError as error:
            return str(error)
        return ""

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # tiny networks: more would only wait for each other
    monkeypatch.setattr(sweep, "do", do)
    yield done
    torch.set_num_threads(threads)
