"""Building the package's network and filling it from a published file."""

from __future__ import annotations

import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from dfbench import PluginError, WeightsError, read_tensors

_LARGEST = 1 << 30  # bytes that a packed checkpoint may have; the published one has 1 << 27


def network() -> nn.Module:
    """The package's network with random weights: images float [N, 3, H, W] -> box offsets
    [N, P, 4], class scores [N, P, 2], landmark offsets [N, P, 10] of P anchors.

    Raises PluginError when the package is not installed.
    """
    try:
        from retinaface.network import RetinaFace
    except ImportError as error:
        raise PluginError(
            f"retinaface needs the package retinaface-pytorch ({error}): "
            'pip install "deepfake-bench[retinaface]"'
        ) from error
    with warnings.catch_warnings():  # torchvision has renamed ``pretrained``
        warnings.simplefilter("ignore")
        built: nn.Module = RetinaFace(
            name="Resnet50",
            pretrained=False,
            return_layers={"layer2": 1, "layer3": 2, "layer4": 3},
            in_channels=256,
            out_channels=256,
        )
    return built


def load(weights: Path) -> nn.Module:
    """The network with the weights of a ``.zip`` that holds one checkpoint, or of a ``.pth``.

    Raises WeightsError naming the file unless every name and shape is the network's own: files of
    other RetinaFaces look alike and find nonsense.
    """
    built = network()
    tensors = _unpacked(weights) if _is_packed(weights) else read_tensors(weights)
    expected = built.state_dict()
    for name in [*expected, *tensors]:
        here, there = _shape(expected.get(name)), _shape(tensors.get(name))
        if here != there:
            raise WeightsError(
                f"{weights} is not a RetinaFace with a ResNet50 as retinaface-pytorch builds it: "
                f"{name} is {there}, not {here}"
            )
    built.load_state_dict(dict(tensors))
    return built.eval()


def _shape(tensor: Any) -> object:
    return "missing" if tensor is None else tuple(getattr(tensor, "shape", ("no tensor",)))


def _is_packed(file: Path) -> bool:
    """A ZIP around a checkpoint; PyTorch's own files are ZIPs too, with a ``data.pkl`` inside."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return not any(name.endswith("data.pkl") for name in archive.namelist())


def _unpacked(file: Path) -> Mapping[str, Any]:
    try:
        with zipfile.ZipFile(file) as archive, tempfile.TemporaryDirectory() as folder:
            inside = [
                item for item in archive.infolist() if item.filename.endswith((".pth", ".pt"))
            ]
            if len(inside) != 1 or inside[0].file_size > _LARGEST:
                raise WeightsError(f"{file} holds no single checkpoint (.pth)")
            copy = Path(folder) / "checkpoint.pth"
            copy.write_bytes(archive.read(inside[0]))
            return read_tensors(copy)
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise WeightsError(f"{file} cannot be unpacked: {error}") from error
    except WeightsError as error:
        where = f"{file}: " if str(file) not in str(error) else ""
        raise WeightsError(f"{where}{error}") from error
