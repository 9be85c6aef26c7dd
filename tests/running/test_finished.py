"""A finished run is printed at once: no network is built, torch is not imported."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import put, scores_of

import dfbench
from dfbench.catalogue.reporter import Reporter
from dfbench.errors import OptionError, PluginError, ResourceError, WeightsError
from dfbench.running import device
from dfbench.running.plan import make_plan
from dfbench.running.request import Request
from dfbench.running.start import traits_of

SHOW = """
import sys
from dfbench.cli import main
sys.argv = ["dfbench", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(sorted({"torch", "lightning_fabric", "mlflow", "pandas", "sklearn"} & set(sys.modules)))
"""
ASKED = Request(detector="meso4", train="sample", tests=("sample",), limit=5, epochs=1)


def finished_run(asked: Request) -> Path:
    """What the request would leave, without doing it."""
    (test,) = make_plan(asked, dfbench.open_catalogue(), Reporter()).tests
    return put(asked.out, test.spec, scores_of(0.8))


def test_a_finished_run_is_printed_without_torch(sample_cache: Path, tmp_path: Path) -> None:
    folder = finished_run(replace(ASKED, out=tmp_path / "runs", cache=sample_cache))
    words = ["run", "--detector", "meso4", "--dataset", "sample", "--limit", "5", "--epochs", "1"]
    words += ["--cache", str(sample_cache), "--out", str(tmp_path / "runs"), "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-c", SHOW, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert "AUC" in done.stdout
    assert "finished already" in done.stderr
    assert str(folder) in done.stderr.replace("\n", "")


def test_what_is_not_finished_is_looked_at_whole_before_anything_is_written(
    sample_cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="fine-tune 9"):
        dfbench.run(
            "meso4", dataset="sample", limit=5, fine_tune=9, cache=sample_cache, out=tmp_path / "r"
        )
    assert not (tmp_path / "r").exists()


def test_a_wrong_file_of_weights_is_known_before_the_data_is_read(tmp_path: Path) -> None:
    (tmp_path / "wrong.safetensors").write_text("no tensors")
    with pytest.raises(WeightsError, match=r"wrong\.safetensors"):
        dfbench.run(
            "meso4",
            dataset="folder",
            data_root=tmp_path / "nowhere",
            weights=tmp_path / "wrong.safetensors",
        )


@pytest.mark.parametrize("name", sorted(dfbench.open_catalogue().cards("detectors")))
def test_built_in_cards_say_what_a_plan_must_know(name: str) -> None:
    """``test_detectors`` builds each of them, which compares it with the module."""
    assert dfbench.open_catalogue().detector(name)[1].methods is not None


def test_a_card_that_says_nothing_is_asked_by_building_it() -> None:
    _, sbi = dfbench.open_catalogue().detector("sbi")
    options = {**sbi.options, "model": "test_efficientnet", "size": 32}
    said = traits_of(sbi, options)
    assert said.makes_fakes
    assert traits_of(replace(sbi, methods=None), options) == said


@pytest.mark.parametrize("methods", [("training_clips",), ("aggregate",)])
def test_a_card_that_says_otherwise_than_its_module_is_refused(methods: tuple[str, ...]) -> None:
    _, card = dfbench.open_catalogue().detector("meso4")
    with pytest.raises(PluginError, match=r"meso4.*methods="):
        dfbench.build_detector(replace(card, methods=methods), card.options)


# --- the device -----------------------------------------------------------------------------


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As in a process that has not imported torch, built for CUDA."""
    modules = {k: v for k, v in sys.modules.items() if k.partition(".")[0] != "torch"}
    monkeypatch.setattr(device.sys, "modules", modules)
    monkeypatch.setattr(device, "_torch_version", lambda: "cuda: Optional[str] = '13.0'\n")
    return monkeypatch


@pytest.mark.parametrize("there", [True, False])
def test_the_driver_is_asked_for_a_gpu(no_torch: pytest.MonkeyPatch, there: bool) -> None:
    no_torch.setattr(device, "_driver_shows_a_gpu", lambda: there)
    assert device.gpu_there() is there
    wanted = ("cuda", "bf16-mixed") if there else ("cpu", "32-true")
    assert device.check_device("auto", "auto") == wanted
    assert "torch" not in device.sys.modules


def test_a_torch_built_for_no_gpu_sees_none(no_torch: pytest.MonkeyPatch) -> None:
    no_torch.setattr(device, "_torch_version", lambda: "cuda: Optional[str] = None\n")
    no_torch.setattr(device, "_driver_shows_a_gpu", lambda: True)
    assert device.gpu_there() is False


def test_the_installed_torch_says_what_it_was_built_for() -> None:
    import torch

    code = "from dfbench.running.device import _torch_version; print(_torch_version())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"__version__ = '{torch.__version__}'" in done.stdout
    found = {line.split(":")[0] for line in done.stdout.splitlines() if "= '" in line}
    assert ("cuda" in found) == (torch.version.cuda is not None)


def test_a_gpu_that_torch_cannot_use_is_no_silent_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    device.check_usable("cpu")
    with pytest.raises(ResourceError, match="--device cpu"):
        device.check_usable("cuda")
