"""Many machines, many workers: together they do what one does, byte for byte."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from families import many
from scenes import CLIPS, FRAMES, center, contents, video

from dfbench.catalogue.records import VideoRecord
from dfbench.errors import OptionError, ResourceError
from dfbench.faces.prepare import prepare, shard
from dfbench.faces.store import FaceStore


@pytest.mark.parametrize("total", [1, 2, 5])
def test_shards_are_the_whole_and_share_nothing(total):
    records = many()
    parts = [shard(records, number, total) for number in range(1, total + 1)]
    assert sorted(r.id for part in parts for r in part) == sorted(r.id for r in records)
    home = {r.id: number for number, part in enumerate(parts) for r in part}
    assert all(home[r.id] == home[r.original] for r in records if r.original)
    assert max(map(len, parts)) < 2 * len(records) / total
    assert shard(records[::-1], 1, total) == parts[0][::-1]
    # A video's place does not depend on what else is there.
    assert shard(parts[0], 1, total) == parts[0]


@pytest.mark.parametrize(("number", "total"), [(0, 2), (3, 2), (1, 0), (-1, 2)])
def test_a_shard_that_is_none(number, total):
    with pytest.raises(OptionError, match=f"--shard {number}/{total}"):
        shard(many(), number, total)


def test_two_hosts_produce_together_what_one_does(make_video, tmp_path):
    """Two processes at once with one cache, ``--shard 1/2`` and ``2/2``."""
    for n in range(6):
        for kind in ("real", "fake"):
            video(make_video, tmp_path / "v" / kind / f"{n}{kind}.mp4")
    (tmp_path / "v" / "real" / "6.mp4").write_text("no video")
    asked = [
        "prepare",
        "folder",
        "--data-root",
        str(tmp_path / "v"),
        "--faces",
        "center",
        "--detector",
        "meso4",
        "--workers",
        "1",
        "--json",
    ]

    def start(cache: str, *more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "dfbench", *asked, "--cache", str(tmp_path / cache)]
        return subprocess.Popen([*command, *more], stdout=-1, stderr=-1, text=True)

    running = [start("both", "--shard", f"{i}/2") for i in (1, 2)] + [start("alone")]
    reports = []
    for process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        reports.append(json.loads(out))
    assert [report.get("shard") for report in reports] == ["1/2", "2/2", None]
    assert reports[0]["videos"] + reports[1]["videos"] == reports[2]["videos"] == 13
    assert min(report["videos"] for report in reports) > 0
    both, alone = (FaceStore(tmp_path / name / "faces") for name in ("both", "alone"))
    assert contents(both) == contents(alone)
    assert len(contents(alone)) == 13


def test_another_backend_is_refused():
    with pytest.raises(OptionError, match="one of local, ray, not 'spark'"):
        prepare([], FRAMES, center(), FaceStore(Path("faces")), backend="spark")


def test_ray_that_is_not_installed_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray.util.joblib", None)
    with pytest.raises(ResourceError, match=r'pip install "deepfake-bench\[ray\]"'):
        prepare(many(2), FRAMES, center(), FaceStore(tmp_path), backend="ray")


@pytest.mark.slow
def test_ray_produces_what_the_processes_of_one_machine_do(make_video, tmp_path):
    ray = pytest.importorskip("ray", reason="needs ray: pip install deepfake-bench[ray]")
    records = [video(make_video, tmp_path / f"{n}.mp4") for n in "abcd"]
    records += [
        replace(records[0], id="fake", label=1, original="b"),
        VideoRecord("gone", tmp_path / "gone.mp4", 0),
    ]
    here, there = FaceStore(tmp_path / "here"), FaceStore(tmp_path / "there")
    expected = prepare(records, CLIPS, center(), here, boxes_from_original=True)
    steps: list[int] = []
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        done = prepare(
            records,
            CLIPS,
            center(),
            there,
            2,
            steps.append,
            backend="ray",
            boxes_from_original=True,
        )
    finally:
        ray.shutdown()
    assert done == expected
    assert contents(here) == contents(there)
    assert sum(steps) == len(records)
