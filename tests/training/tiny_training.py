"""A training of a tiny network on small clips."""

import torch
from lightning_fabric import Fabric
from torch import nn

from dfbench.catalogue.cards import ClipSpec
from dfbench.catalogue.plugins import open_catalogue
from dfbench.detector.network import Detector
from dfbench.results.spec import DataSpec, TrainSpec
from dfbench.running.model import validation
from dfbench.training.loop import fit

CLIP = ClipSpec(frames=2, windows=3, size=16)
DATA = DataSpec(dataset="toy", fingerprint="0", videos=1, faces="given", faces_version="1")
SETTINGS = TrainSpec(
    data=DATA,
    seed=0,
    epochs=3,
    batch_size=4,
    lr=0.01,
    weight_decay=0.0,
    schedule="constant",
    clips_per_video=2,
    patience=9,
    balance=True,
    fine_tune="all",
    augment="study",
)


class Tiny(nn.Module):
    """Two stages, each with batch norm, and dropout: all that can make runs differ."""

    def __init__(self):
        super().__init__()
        self.low = nn.Sequential(nn.Conv3d(3, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU())
        self.high = nn.Sequential(nn.Conv3d(4, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU())
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 1))

    def forward(self, clips):
        return self.head(self.high(self.low(clips)).mean(dim=(2, 3, 4)))[:, 0]

    def stages(self):
        return [("low", [self.low]), ("high", [self.high]), ("head", [self.head])]


def tiny():
    torch.manual_seed(0)
    return Detector(Tiny(), CLIP)


def train(readers, folder, settings=SETTINGS, detector=None, workers=0, **hooks):
    folder.mkdir(exist_ok=True)
    detector = detector or tiny()
    fabric = Fabric(accelerator="cpu", devices=1)
    progress = fit(
        detector, *readers, settings, folder, fabric, workers, validation(open_catalogue()), **hooks
    )
    return detector, progress
