"""Runs on other data and other weights than the sample's: broken files, official weights."""

import json
import os
import shutil

import pytest
from started_runs import run_folder

import dfbench
from dfbench.catalogue.records import REAL


@pytest.fixture
def dfdc(sample_cache, tmp_path, make_video):
    """A single DFDC part made of sample videos, with all that goes wrong in a real one."""
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.data.listing import read_dataset

    sample = read_dataset("sample", open_catalogue(), {}, sample_cache)
    root = tmp_path / "dfdc_train_part_7"
    root.mkdir()
    entries = {}
    for record in sample.records[:36]:
        name = record.id.replace("/", "_") + ".mp4"
        original = record.original and record.original.replace("/", "_") + ".mp4"
        shutil.copy(record.path, root / name)
        label = "REAL" if record.label == REAL else "FAKE"
        entries[name] = {"label": label, "split": "train", "original": original}
    fakes = [n for n, e in entries.items() if e["label"] == "FAKE"]
    del entries[entries[fakes[0]]["original"]]  # an original that is listed nowhere
    gone = entries[fakes[-1]]["original"]
    (root / gone).unlink()  # an original that is listed, but not on disk
    make_video(root / "portrait.mp4", frames=20, size=(128, 240))
    whole = (root / fakes[5]).read_bytes()
    (root / "truncated.mp4").write_bytes(whole[: len(whole) // 3])
    (root / "text.mp4").write_text("not a video")
    for name in ("portrait.mp4", "truncated.mp4", "text.mp4"):
        entries[name] = {"label": "FAKE", "split": "train", "original": "elsewhere.mp4"}
    (root / "metadata.json").write_text(json.dumps(entries))
    return root


@pytest.mark.parametrize(
    "detector",
    [
        "r3d101:width=0.0625",
        pytest.param(
            "r3d101",
            marks=pytest.mark.skipif(
                "DFBENCH_TEST_LONG" not in os.environ,
                reason="minutes at full width: DFBENCH_TEST_LONG=1",
            ),
        ),
    ],
)
def test_dfdc_runs_and_broken_files_are_rows(
    finish, dfdc, tmp_path, cli, sample_cache, shared, detector
):
    yunet = shared / "data/weights/yunet/face_detection_yunet_2023mar.onnx"
    added = cli("weights", "add", "yunet", "2023mar", yunet, "--cache", sample_cache)
    assert added.returncode == 0, added.stderr
    out = tmp_path / "runs"
    finish(
        "--detector",
        detector,
        "--dataset",
        "dfdc",
        "--data-root",
        dfdc,
        "--epochs",
        1,
        "--cache",
        sample_cache,
        "--out",
        out,
    )
    folder = run_folder(out)
    result = dfbench.load_result(folder)
    rows = dfbench.read_predictions(folder)
    assert len(rows) == 4 * result.counts["videos"]
    everywhere = rows + dfbench.read_predictions(folder.parent.parent / "validation.csv")
    status = {row.video: row.status for row in everywhere}
    expected = {"text.mp4": "unreadable", "truncated.mp4": "unreadable", "portrait.mp4": "no_face"}
    found = {name: status[name] for name in expected if name in status}
    assert found == {name: expected[name] for name in found}
    prepared = cli(
        "prepare",
        "dfdc",
        "--data-root",
        dfdc,
        "--detector",
        "r3d101",
        "--cache",
        sample_cache,
        "--json",
    )
    counts = json.loads(prepared.stdout)["status"]
    assert counts["missing"] == 1
    assert counts["unreadable"] == 2
    assert counts["no_face"] == 1


def test_official_weights_are_evaluated_as_they_are(finish, shared, tmp_path, sample_cache):
    weights = shared / "data/weights/mesonet/Meso4_DF.h5"
    out = tmp_path / "runs"
    finish(
        "--detector",
        "meso4",
        "--train",
        "none",
        "--weights",
        weights,
        "--test",
        "sample",
        "--limit",
        6,
        "--cache",
        sample_cache,
        "--out",
        out,
    )
    result = dfbench.load_result(run_folder(out))
    assert result.spec.model.train is None
    assert result.spec.model.weights_sha256.startswith("036ed30d04ff")
    assert result.threshold is None
    assert not any("random" in note for note in result.notes)


@pytest.fixture
def own_videos(sample_cache, tmp_path):
    """A folder dataset without splits, of sample videos."""
    from dfbench.catalogue.plugins import open_catalogue
    from dfbench.data.listing import read_dataset

    for record in read_dataset("sample", open_catalogue(), {}, sample_cache).records[:60]:
        kind = "fake" if record.label else "real"
        target = tmp_path / "own" / kind / f"{record.id.replace('/', '_')}.mp4"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(record.path, target)
    return tmp_path / "own"


def test_a_model_is_not_tested_on_what_an_earlier_run_trained_it_on(
    finish, own_videos, sample_cache, tmp_path
):
    out = tmp_path / "runs"
    common = ["--data-root", own_videos, "--faces", "center", "--cache", sample_cache, "--out", out]
    small = "r3d18:width=0.0625,size=32,frames=8"
    finish("--detector", small, "--dataset", "folder", "--epochs", 1, *common)
    trained = dfbench.load_result(run_folder(out))
    weights = run_folder(out).parent.parent / "model.safetensors"
    finish(
        "--detector", small, "--train", "none", "--weights", weights, "--test", "folder", *common
    )
    (result,) = [dfbench.load_result(p) for p in out.glob("none/*/*/*/*/result.json")]
    assert result.counts["videos"] == trained.counts["videos"] < 60
    assert "the weights it starts from were trained on folder" in result.notes
    auc = "video/auc"
    assert result.metric(auc).value == trained.metric(auc).value
