"""Reading files of tensors, whoever wrote them, without running what is in them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dfbench.errors import WeightsError


def read_tensors(path: Path) -> Mapping[str, Any]:
    """What a file of weights holds: ``.safetensors``, Keras ``.h5``, or a PyTorch pickle.

    A pickle is read with ``weights_only=True``, so it can hold tensors and plain values alone. A
    Keras file gives ``layer/…/name`` -> tensor. Raises WeightsError in one line.
    """
    import h5py
    import safetensors.torch
    import torch

    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        if path.suffix in (".h5", ".hdf5", ".keras"):
            tensors: dict[str, Any] = {}

            def keep(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    tensors[name] = torch.from_numpy(item[()])

            with h5py.File(path, "r") as file:
                file.visititems(keep)
            return tensors
        if not _is_pickle(path):
            raise ValueError("neither .safetensors, .h5 nor a PyTorch file")
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise WeightsError(f"{path} does not exist") from None
    except Exception as error:
        if "weights_only" in str(error) or "Unsupported" in str(error):
            raise WeightsError(
                f"{path} is a pickle that holds more than plain weights, and running it could run "
                "anything: save its state_dict and use that"
            ) from error
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(
            f"{path} is damaged, cut short, or no file of weights: {first}"
        ) from error
    if not isinstance(loaded, Mapping):
        raise WeightsError(f"{path} holds a {type(loaded).__name__}, not a table of weights")
    if strange := [key for key in loaded if not isinstance(key, str)]:
        raise WeightsError(f"{path} is no table of named weights: it has a key {strange[0]!r}")
    return loaded


def _is_pickle(path: Path) -> bool:
    """A pickle, or PyTorch's ZIP with one in it: not a text that happens to bear the ending."""
    with path.open("rb") as file:
        return file.read(2)[:1] == b"\x80" or zipfile.is_zipfile(path)
