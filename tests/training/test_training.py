"""The training loop: freezing, schedules, selection, interruption, numbers that are none."""

import json
from dataclasses import replace

import pytest
import torch
from lightning_fabric import Fabric
from tiny_training import CLIP, SETTINGS, Tiny, tiny, train

from dfbench.clips.loader import EpochBatches
from dfbench.detector.network import Detector
from dfbench.errors import OptionError, ResourceError, ResultError, StoreError, TrainingError
from dfbench.training.loop import measure_batch_norm
from dfbench.training.optim import learning_rate
from dfbench.training.predict import naming_batch_size


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


def test_the_same_seed_gives_the_same_model_whatever_the_number_of_workers(readers, tmp_path):
    train(readers, tmp_path / "a")
    train(readers, tmp_path / "b", workers=2)
    train(readers, tmp_path / "c", replace(SETTINGS, seed=1))
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


def test_going_on_after_an_interruption_gives_the_same_model(readers, tmp_path):
    train(readers, tmp_path / "whole")

    class Killed(BaseException):
        pass

    def kill(done, total):
        if done > total / 2:
            raise Killed

    with pytest.raises(Killed):
        train(readers, tmp_path / "cut", step=kill)
    assert (tmp_path / "cut" / "checkpoint.pt").is_file()
    train(readers, tmp_path / "cut")
    assert weights(tmp_path / "whole") == weights(tmp_path / "cut")
    logs = [
        [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]
        for name in ("whole", "cut")
        if (lines := (tmp_path / name / "log.jsonl").read_text().splitlines())
    ]
    assert logs[0] == logs[1]
    assert len(logs[0]) == SETTINGS.epochs


def test_it_learns_and_keeps_the_best_epoch(readers, tmp_path):
    settings = replace(SETTINGS, epochs=8, lr=0.05, augment="none")
    _, progress = train(readers, tmp_path / "a", settings)
    lines = [json.loads(line) for line in (tmp_path / "a/log.jsonl").read_text().splitlines()]
    reached = [(line["val/video/auc"], -line["val/video/log_loss"]) for line in lines]
    assert progress.best == max(reached)
    assert progress.best_epoch == reached.index(max(reached)) + 1
    assert max(reached)[0] == 1.0


def test_training_stops_when_validation_gets_no_better(readers, tmp_path):
    settings = replace(SETTINGS, epochs=50, lr=1e-12, patience=2, augment="none")
    _, progress = train(readers, tmp_path / "a", settings)
    assert progress.epoch < 50
    assert progress.epoch - progress.best_epoch == 2


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_rate_of_every_step_is_the_schedules(readers, tmp_path, schedule, monkeypatch):
    """Fault 7: a scheduler that stepped once, after training."""
    seen = []
    step = torch.optim.Adam.step

    def spy(self, *args, **kwargs):
        seen.append(self.param_groups[0]["lr"])
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    settings = replace(SETTINGS, schedule=schedule)
    train(readers, tmp_path / "a", settings)
    expected = [learning_rate(settings, i, len(seen)) for i in range(len(seen))]
    assert len(seen) == 3 * 4  # 8 videos x 2 clips in batches of 4, three epochs
    assert seen == pytest.approx(expected)
    assert (len(set(seen)) == 1) == (schedule == "constant")


def test_epochs_differ_in_order_and_drop_nothing(readers):
    """Fault 12: a sampler that never reshuffled; fault 11: a last batch that was dropped."""
    batches = EpochBatches(readers[0].videos, 0, 5, seed=0)
    batches.epoch = 1
    one = [pick for batch in batches for pick in batch]
    batches.epoch = 2
    two = [pick for batch in batches for pick in batch]
    assert sorted(p[:2] for p in one) == sorted(p[:2] for p in two)
    assert [p[:2] for p in one] != [p[:2] for p in two]
    assert len(one) == 8 * 3
    assert {len(batch) for batch in batches} <= {4, 5}


@pytest.mark.parametrize(("how", "frozen"), [("head", 2), ("1", 2), ("2", 1), ("3", 0), ("all", 0)])
def test_frozen_stages_do_not_move_nor_do_their_statistics(readers, tmp_path, how, frozen):
    before = {k: v.clone() for k, v in tiny().state_dict().items()}
    detector, _ = train(readers, tmp_path / "a", replace(SETTINGS, fine_tune=how))
    names = ["low", "high", "head"]
    for key, value in detector.state_dict().items():
        parts = key.split(".")
        if parts[0] != "network" or "num_batches" in key:
            continue
        same = torch.equal(value, before[key])
        assert same == (names.index(parts[1]) < frozen), key


def test_fine_tune_none_validates_once_and_changes_nothing(readers, tmp_path):
    before = {k: v.clone() for k, v in tiny().state_dict().items()}
    detector, progress = train(readers, tmp_path / "a", replace(SETTINGS, fine_tune="none"))
    assert progress.epoch == progress.best_epoch == 1
    assert all(torch.equal(before[k], v) for k, v in detector.state_dict().items())
    lines = (tmp_path / "a" / "log.jsonl").read_text().splitlines()
    assert len(lines) == 1
    assert "val/video/auc" in lines[0]
    assert "train/loss" not in lines[0]


@pytest.mark.parametrize("how", ["0", "4", "some", "-1"])
def test_a_number_of_stages_that_are_not_there_is_an_error(how):
    with pytest.raises(OptionError, match="from 1 to 3"):
        tiny().fine_tune(how)


def test_batch_norm_is_measured_anew_without_touching_weights_or_mode(readers):
    detector = tiny()
    clips = readers[0].views(0, [0, 1, 2])[:, 0]
    weights_before = [p.clone() for p in detector.parameters()]
    detector.train()
    measure_batch_norm(detector, [clips, clips], Fabric(accelerator="cpu", devices=1))
    norm = detector.network.low[1]
    with torch.no_grad():
        maps = detector.network.low[0](clips.permute(0, 4, 1, 2, 3).float() / 255)
    torch.testing.assert_close(norm.running_mean, maps.mean(dim=(0, 2, 3, 4)))
    assert norm.momentum == 0.1
    for before, after in zip(weights_before, detector.parameters(), strict=True):
        assert torch.equal(before, after)


def test_a_loss_that_is_no_number_stops_with_the_last_good_epoch_kept(readers, tmp_path):
    class Explodes(Tiny):
        def loss(self, logits, labels, weights):
            value = (logits * weights * labels).mean()
            return value * float("nan") if Explodes.steps > 5 else value

        def forward(self, clips):
            Explodes.steps += self.training
            return super().forward(clips)

    Explodes.steps = 0
    with pytest.raises(TrainingError, match=r"epoch 2.*--lr.*epoch so far, 1"):
        train(readers, tmp_path / "a", detector=Detector(Explodes(), CLIP))
    assert (tmp_path / "a" / "model.safetensors").is_file()
    state = torch.load(tmp_path / "a" / "checkpoint.pt", weights_only=True)
    assert all(torch.isfinite(v).all() for v in state["detector"].values() if v.is_floating_point())


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"
        ),
    ],
)
def test_a_batch_too_large_names_the_option(error):
    with pytest.raises(ResourceError, match="--batch-size"), naming_batch_size(64):
        raise error


def test_another_error_is_not_taken_for_lack_of_memory():
    with pytest.raises(RuntimeError, match="shape"), naming_batch_size(64):
        raise RuntimeError("shape mismatch")


def test_the_classes_count_the_same_when_balanced(readers):
    """Three fakes for each real: with the option both classes weigh the same in the loss."""
    from dfbench.training.loop import _class_weights

    skewed = replace(
        readers[0],
        videos=[v for v in readers[0].videos if v.record.label or v.record.id == "train/0"],
    )
    balanced, plain = _class_weights(skewed, True), _class_weights(skewed, False)
    assert balanced.tolist() == pytest.approx([5 / 2, 5 / 8])
    assert plain.tolist() == [1, 1]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_store_that_lost_a_file_is_told_in_one_line(readers, tmp_path, workers):
    store = readers[0].store
    victim = store.path(readers[0].videos[3].key)
    victim.write_bytes(victim.read_bytes()[:100])
    with pytest.raises(StoreError) as caught:
        train(readers, tmp_path / "a", workers=workers)
    assert str(victim) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_scores_that_are_no_numbers_stop_the_run(readers):
    from dfbench.training.predict import predict

    detector = tiny()
    with torch.no_grad():
        detector.network.head[1].bias.fill_(float("nan"))
    fabric = Fabric(accelerator="cpu", devices=1)
    with pytest.raises(TrainingError, match="no numbers"):
        list(predict(detector, readers[1], "toy", 4, 0, fabric))


def test_a_damaged_checkpoint_says_what_to_do(readers, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "checkpoint.pt").write_bytes(b"half of it")
    with pytest.raises(ResultError, match="--again"):
        train(readers, tmp_path / "a")
