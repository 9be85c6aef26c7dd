"""Scores of a detector that was never here: what is wrong with a file is caught, with its count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dfbench.catalogue.plugins import open_catalogue
from dfbench.catalogue.records import Prediction
from dfbench.catalogue.reporter import Reporter
from dfbench.detector.aggregate import mean
from dfbench.errors import DfbenchError, OptionError, ResultError
from dfbench.evaluate.judgement import judge, judge_again
from dfbench.evaluate.stored import open_run
from dfbench.results.predictions import read_predictions, rewrite
from dfbench.results.result import load_result
from dfbench.running.foreign.check import Reading
from dfbench.running.foreign.importing import Import, import_scores


@pytest.fixture(autouse=True)
def _untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFBENCH_TRACKING", "off")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``folder`` dataset of 24 videos; ``A/x.mp4`` and ``B/x.mp4`` are fakes of one name."""
    root = tmp_path_factory.mktemp("videos")
    names = [f"real/r{i}.mp4" for i in range(12)]
    names += [f"fake/A/a{i}.mp4" for i in range(10)] + ["fake/A/x.mp4", "fake/B/x.mp4"]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


@pytest.fixture
def listed(videos: Path) -> dict[str, int]:
    """Id -> label."""
    ids = sorted(path.relative_to(videos).as_posix() for path in videos.rglob("*.mp4"))
    return {name: int(name.startswith("fake")) for name in ids}


class Told(Reporter):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def good(listed: dict[str, int]) -> dict[str, float]:
    """Scores that tell the classes apart but for a few."""
    rng = np.random.default_rng(0)
    return {
        name: round(float(rng.beta(4, 2) if label else rng.beta(2, 4)), 4)
        for name, label in listed.items()
    }


def write(path: Path, header: str, rows: list[Any], encoding: str = "utf-8") -> Path:
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding)
    return path


def asked(file: Path, videos: Path, **changes: Any) -> Import:
    about = {"dataset": "folder", "name": "theirs", "data_roots": {"folder": videos}, **changes}
    return Import(file=file, **about)


def bring(file: Path, videos: Path, **changes: Any) -> tuple[Any, Path, list[str]]:
    told = Told()
    result, folder = import_scores(asked(file, videos, **changes), open_catalogue(), told)
    return result, folder, told.warnings


def refused(file: Path, videos: Path, **changes: Any) -> str:
    """What is said of a file that does not fit; nothing may have been written."""
    with pytest.raises(ResultError) as error:
        bring(file, videos, **changes)
    assert not Path("runs").exists()
    return str(error.value)


def test_a_good_file_becomes_a_run_like_any_other(videos, listed, tmp_path):
    file = write(tmp_path / "s.csv", "video,score", list(good(listed).items()))
    result, folder, warnings = bring(file, videos)
    assert warnings == []
    assert load_result(folder) == result
    assert result.spec.run_id == folder.name
    assert folder.is_relative_to("runs/imported/theirs")
    assert result.counts == {"videos": 24, "real": 12, "fake": 12, "ok": 24}
    assert result.coverage == 1.0
    assert result.spec.model.imported
    assert result.threshold is None
    auc = result.metric("video/auc").value
    assert auc > 0.6
    again = judge_again(open_run(str(folder), Path("runs")), open_catalogue().metrics())
    assert again.metric("video/auc").value == auc
    assert bring(file, videos)[1] == folder  # the same bytes are the same run
    file.write_text(file.read_text() + "\n")
    assert bring(file, videos)[1] != folder


def test_names_are_found_however_much_of_their_path_is_given(videos, listed, tmp_path):
    scores = good(listed)
    plain = bring(write(tmp_path / "s.csv", "video,score", list(scores.items())), videos)[0]
    shapes = [
        lambda name: f"/data/set/{name}",
        lambda name: name.removesuffix(".mp4"),
        lambda name: name.replace("/", "\\").replace(".mp4", ".avi"),
        lambda name: name if name.endswith("x.mp4") else name.rpartition("/")[2],
    ]
    for shape in shapes:
        file = write(tmp_path / "t.csv", "video,score", [(shape(n), s) for n, s in scores.items()])
        assert bring(file, videos)[0].metrics == plain.metrics


def test_a_name_that_could_be_several_is_refused_unless_the_method_tells(videos, tmp_path, listed):
    scores = good(listed)
    rows = [
        (n.rpartition("/")[2], s, n.split("/")[1] if "fake" in n else "") for n, s in scores.items()
    ]
    said = refused(write(tmp_path / "s.csv", "video,score", [row[:2] for row in rows]), videos)
    assert "2 rows name a video that could be several" in said
    assert "fake/A/x.mp4 or fake/B/x.mp4" in said
    _, folder, _ = bring(write(tmp_path / "s.csv", "video,score,method", rows), videos)
    assert {r.video: r.score for r in read_predictions(folder)} == scores


def test_another_method_s_video_of_that_name_is_not_taken(videos, listed, tmp_path):
    rows = [(n.replace("fake/A/a0", "fake/B/a0"), s) for n, s in good(listed).items()]
    said = refused(write(tmp_path / "s.csv", "video,score", rows), videos)
    assert "1 rows are of unknown videos" in said
    assert "perhaps fake/A/a0.mp4" in said


def test_all_problems_of_a_file_are_told_together_with_their_counts(videos, listed, tmp_path):
    rows = [[n, s, listed[n]] for n, s in good(listed).items()]
    rows[0][1], rows[1][1], rows[2][1] = "nan", "-inf", "high"
    rows[3][1], rows[4][1] = 1.7, -0.2
    rows[5][2] = 1 - rows[5][2]
    rows[6][2] = "maybe"
    rows += [rows[7], rows[8], rows[8], ["nobody.mp4", 0.5, 1], [rows[9][0], 0.5]]
    said = refused(write(tmp_path / "s.csv", "video,score,label", rows), videos)
    assert "3 scores are no numbers" in said
    assert "line 2: 'nan'; line 3: '-inf'; line 4: 'high'" in said
    assert "2 scores are not in 0..1, --logits" in said
    assert "1 of 27 labels disagree with the dataset" in said
    assert "turned" not in said
    assert "1 labels are none of 0, 1, real, fake" in said
    assert "3 rows are duplicates" in said
    assert "1 rows are of unknown videos, --allow-unknown" in said
    assert "1 lines lack a value (line 30)" in said
    assert "\n" not in said


def test_turned_labels_are_said_to_be_turned(videos, listed, tmp_path):
    rows = [(n, s, "REAL" if listed[n] else "FAKE") for n, s in good(listed).items()]
    said = refused(write(tmp_path / "s.csv", "video,score,label", rows), videos)
    assert "24 of 24 labels disagree with the dataset: they are turned" in said


def test_missing_videos_are_counted_and_count_as_on_missing_says(videos, listed, tmp_path):
    rows = list(good(listed).items())
    file = write(tmp_path / "s.csv", "video,score", [*rows[:20], (rows[20][0], "")])
    result, folder, warnings = bring(file, videos)
    assert result.coverage == 20 / 24
    assert result.counts["missing"] == 4
    assert [w for w in warnings if "4 of 24 videos have no score" in w]
    assert result.metric("video/auc").n_fake + result.metric("video/auc").n_real == 24
    assert {r.status for r in read_predictions(folder) if r.score is None} == {"missing"}
    excluded = bring(file, videos, on_missing="exclude")[0].metric("video/auc")
    assert excluded.n_fake + excluded.n_real == 20


def test_scores_that_rank_the_wrong_way_are_warned_of_and_can_be_turned(videos, listed, tmp_path):
    right = good(listed)
    auc = bring(write(tmp_path / "s.csv", "video,score", list(right.items())), videos)[0]
    auc = auc.metric("video/auc").value
    file = write(
        tmp_path / "t.csv", "video,score", [(n, round(1 - s, 4)) for n, s in right.items()]
    )
    result, _, (warning,) = bring(file, videos)
    assert f"AUC {1 - auc:.3f} as they are, {auc:.3f} with 1 - score; --turned" in warning
    assert result.metric("video/auc").value == pytest.approx(1 - auc)
    turned, _, warnings = bring(file, videos, reading=Reading(turned=True))
    assert warnings == []
    assert turned.metric("video/auc").value == pytest.approx(auc)


def test_logits(videos, listed, tmp_path):
    right = good(listed)
    logits = [(n, repr(float(np.log(s / (1 - s))))) for n, s in right.items()]
    file = write(tmp_path / "s.csv", "video,score", logits)
    assert "scores are not in 0..1" in refused(file, videos)
    _, folder, _ = bring(file, videos, reading=Reading(logits=True))
    found = {row.video: row.score for row in read_predictions(folder)}
    assert found == pytest.approx(right)
    _, folder, _ = bring(file, videos, reading=Reading(logits=True, turned=True))
    found = {row.video: row.score for row in read_predictions(folder)}
    assert found == pytest.approx({name: 1 - score for name, score in right.items()})
    plain = write(tmp_path / "t.csv", "video,score", list(right.items()))
    assert any(
        "like probabilities" in w for w in bring(plain, videos, reading=Reading(logits=True))[2]
    )


def test_a_spreadsheet_s_file_is_read(videos, listed, tmp_path):
    """Byte-order mark, semicolons, decimal commas, other names of the columns."""
    right = good(listed)
    rows = [(f"{n};{str(s).replace('.', '@')};{n[0]}",) for n, s in right.items()]
    file = write(tmp_path / "s.csv", "FileName;Prob;hint", rows, "utf-8-sig")
    file.write_text(file.read_text("utf-8").replace("@", ","), "utf-8")
    result, folder, _ = bring(file, videos)
    assert {row.video: row.score for row in read_predictions(folder)} == right
    told = " ".join(result.notes)
    assert "'FileName' was read as video" in told
    assert "'Prob' was read as score" in told
    assert "not used: hint" in told


def test_labels_that_are_scores_need_to_be_called_so(videos, listed, tmp_path):
    file = write(tmp_path / "s.csv", "filename,label", list(good(listed).items()))
    assert "--score-column label" in refused(file, videos)
    _, folder, _ = bring(file, videos, score_column="Label")
    assert {row.video: row.score for row in read_predictions(folder)} == good(listed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "first line must name the columns video and score"),
        ("a.mp4,0.5\n", "first line must name the columns video and score"),
        ("video,label\na,1\n", "has no column score"),
        ("filename,path,score\na,b,0.5\n", "filename and path may each be the video"),
        ("video,score,score\na,1,1\n", "score and score may each be the score"),
        ("video,score\n", "holds no scores"),
        ("video,score,clip\nreal/r0.mp4,0.5,one\n", "1 clips or frames are no numbers"),
        ("video,score\nreal/r0.mp4,\n", "has no score of any test video"),
        ("video,score\nreal/r0.mp4,1_0\n", "scores are no numbers"),
        ("video,score\nreal/r0.mp4,1e999\n", "scores are no numbers"),
        ('video,score\nreal/r0.mp4,"0.5\n', "cannot be read: unexpected end of data"),
    ],
)
def test_what_is_no_file_of_scores(videos, tmp_path, text, said):
    file = tmp_path / "s.csv"
    file.write_text(text)
    assert said in refused(file, videos)


@pytest.mark.parametrize("data", [b"\xff\xfev\x00i\x00", b"\x00\xff\xff"])
def test_what_is_no_text(videos, tmp_path, data):
    (tmp_path / "s.csv").write_bytes(data)
    with pytest.raises(DfbenchError):
        bring(tmp_path / "s.csv", videos)


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "x\u202ey", "tab\there", "n" * 101])
def test_names_that_would_spoil_a_table_are_refused(videos, tmp_path, name):
    with pytest.raises(OptionError, match="--name"):
        bring(tmp_path / "s.csv", videos, name=name)


def test_any_other_name_stays_below_the_folder(videos, listed, tmp_path):
    file = write(tmp_path / "s.csv", "video,score", list(good(listed).items()))
    result, folder, _ = bring(file, videos, name='../../<b>their</b> "déteктор" (v2) & co.')
    assert result.spec.model.label == '../../<b>their</b> "déteктор" (v2) & co.'
    assert folder.resolve().is_relative_to(Path("runs/imported").resolve())


def test_unknown_videos_may_be_left_out_and_are_counted(videos, listed, tmp_path):
    rows = [*good(listed).items(), ("nobody.mp4", 0.5), ("nobody else.mp4", "x")]
    file = write(tmp_path / "s.csv", "video,score", rows)
    assert "2 rows are of unknown videos" in refused(file, videos)
    result, _, _ = bring(file, videos, reading=Reading(allow_unknown=True))
    assert any("2 rows were left out: they are of unknown videos" in n for n in result.notes)
    assert result.coverage == 1.0


def clips(listed: dict[str, int]) -> list[Prediction]:
    """A run's rows: three clips a video, one unreadable, one video without a face."""
    rng, rows = np.random.default_rng(1), []
    for number, (name, label) in enumerate(listed.items()):
        method = name.split("/")[1] if label else None
        for clip in range(3):
            score: float | None = float(rng.beta(2 + label, 3 - label))
            status = (
                "no_face" if number == 4 else "unreadable" if (number, clip) == (7, 1) else "ok"
            )
            rows.append(
                Prediction(
                    "folder",
                    name,
                    clip,
                    8 * clip,
                    label,
                    score if status == "ok" else None,
                    method,
                    name,
                    status,
                )
            )  # type: ignore[arg-type]
    return rows


def test_a_run_s_own_predictions_give_exactly_its_metrics(videos, listed, tmp_path):
    from dfbench.data.listing import read_dataset

    listing = read_dataset(
        "folder", open_catalogue(), {"folder": videos}, tmp_path, trained_on=False
    )
    order = [record.id for record in listing.of("test")]
    rows = sorted(clips(listed), key=lambda row: order.index(row.video))
    rewrite(tmp_path / "predictions.csv", rows)
    for level in ("frame", "clip"):
        result, folder, warnings = bring(tmp_path / "predictions.csv", videos, level=level)
        assert warnings == []
        assert read_predictions(folder) == rows
        direct = judge(result.spec, rows, None, mean, open_catalogue().metrics(), {})
        assert result.metrics == direct["metrics"]
        assert result.metric(f"{level}/auc").n_real == 12 * 3
        assert result.counts["no_face"] == 1
        assert result.notes == ("theirs was not run here: its scores were imported",)


def test_frames_without_numbers_of_clips_are_counted(videos, listed, tmp_path):
    rows = [
        (n, frame, round(s * 0.9 + frame / 1000, 4))
        for n, s in good(listed).items()
        for frame in (30, 0)
    ]
    file = write(tmp_path / "s.csv", "video,frame,score", rows)
    _, folder, _ = bring(file, videos, level="frame")
    found = [(r.clip, r.start_frame) for r in read_predictions(folder)]
    assert set(found) == {(0, 30), (1, 0)}
    said = refused_after(file, "video,frame,score", [*rows, rows[0]], videos)
    assert "1 rows are duplicates" in said


def refused_after(file: Path, header: str, rows: list[Any], videos: Path) -> str:
    with pytest.raises(ResultError) as error:
        bring(write(file, header, rows), videos)
    return str(error.value)


def test_thresholds_are_chosen_on_their_validation_scores(tmp_path):
    root = tmp_path / "videos"
    root.mkdir()
    rows, splits = [], ["train"] * 4 + ["val"] * 8 + ["test"] * 8
    for i, split in enumerate(splits):
        (root / f"v{i}.mp4").write_text(str(i))
        rows.append((f"v{i}.mp4", ("real", "fake")[i % 2], split))
    write(root / "list.csv", "path,label,split", rows)
    scores = {f"v{i}.mp4": round(0.1 + 0.2 * (i % 2) + i / 1000, 4) for i in range(20)}
    of = {split: [(n, scores[n]) for (n, _, s) in rows if s == split] for split in splits}
    test, val = (write(tmp_path / f"{s}.csv", "video,score", of[s]) for s in ("test", "val"))
    result, folder, _ = bring(test, root, validation=val)
    assert 0.11 < result.threshold < 0.3
    assert result.metric("video/accuracy@val").value == 1.0
    assert result.metric("video/accuracy@0.5").value == 0.5
    assert result.chosen["temperature"] is not None
    again = judge_again(open_run(str(folder), Path("runs")), open_catalogue().metrics())
    assert again.chosen == result.chosen
    with pytest.raises(ResultError, match="8 rows are of test videos"):
        bring(test, root, validation=test)
    both = write(tmp_path / "both.csv", "video,score", [*of["test"], *of["val"]])
    with pytest.raises(ResultError, match="8 rows are of val videos"):
        bring(both, root)


def test_the_command_imports_and_refuses_in_one_line(command, videos, listed, tmp_path):
    file = write(tmp_path / "s.csv", "video,score", list(good(listed).items()))
    args = ["--dataset", "folder", "--name", "theirs", "--data-root", videos]
    done = command("score", "--import", file, *args, "--json", DFBENCH_TRACKING="off")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert load_result(found["folder"]).spec.run_id == found["spec"]["run_id"]
    again = command("score", found["spec"]["run_id"][:6])
    assert again.exit_code == 0, again.stderr
    assert "theirs" in again.stdout
    write(file, "video,score", [*good(listed).items(), ("nobody", 2)])
    done = command("score", "--import", file, *args)
    assert done.exit_code == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert command("score", "--import", file, "--name", "x").exit_code == 2
    assert command("score", "--name", "x").exit_code == 2
