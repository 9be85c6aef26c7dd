"""Attribution-based confidence: does the decision stand when the input values that it hangs on are
taken away?

Jha et al., "Attribution-Based Confidence Metric For Deep Neural Networks", NeurIPS 2019, section 3,
algorithm 1; used on deepfakes by Fernandes et al., "Detecting Deepfake Videos using
Attribution-Based Confidence Metric", CVPR Workshops 2020.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from dfbench.clips.reader import ClipReader
from dfbench.detector.network import Detector, to_unit
from dfbench.errors import OptionError
from dfbench.running.confidence import Abc, Confidence
from dfbench.training.predict import naming_batch_size


def confidences(
    detector: Detector,
    reader: ClipReader,
    dataset: str,
    how: Abc,
    seed: int,
    batch_size: int,
    fabric: Fabric,
    skip: int = 0,
) -> Iterator[list[Confidence]]:
    """Rows of one video after the other, one a clip that is scored. skip: videos passed over.

    Each clip's neighbours are drawn from (seed, dataset, video, clip) alone. Raises OptionError for
    a detector whose logit has no gradient, ResourceError when memory is short.
    """
    detector.eval()
    for number in range(skip, len(reader.videos)):
        video = reader.videos[number]
        rows = []
        for window in np.flatnonzero(video.usable).tolist():
            name, clip = zlib.crc32(f"{dataset}\n{video.record.id}".encode()), video.clips[window]
            rng = np.random.default_rng([seed, 5, name, clip])
            views = to_unit(reader.views(number, [window])[0].to(fabric.device))
            with fabric.autocast(), naming_batch_size(batch_size):
                value = confidence(detector, views, how, rng, batch_size)
            rows.append(Confidence(dataset, video.record.id, clip, value))
        yield rows


def confidence(
    detector: Detector, views: Tensor, how: Abc, rng: np.random.Generator, batch_size: int
) -> float:
    """Share of ``how.samples`` neighbours of a clip, given as its views [V, 3, T, H, W] in 0..1,
    on which the decision at 0.5 is the same; 0..1.

    A neighbour has each value x_j of each view at the baseline 0 (black) with a probability
    proportional to |A_j / x_j|, A being the integrated gradients of the logit; the probabilities of
    one view add up to ``how.features``, 1 in the paper.
    """
    decided = _decisions(detector, views[None])
    odds = how.features * _weights(_sensitivity(detector, views, how.steps, batch_size))
    same = done = 0
    while done < how.samples:
        number = min(max(batch_size // len(views), 1), how.samples - done)
        kept = np.stack([rng.random(odds.shape) >= odds for _ in range(number)])
        neighbours = views * torch.from_numpy(kept).to(views.device)
        same += int((_decisions(detector, neighbours) == decided).sum())
        done += number
    return same / how.samples


def _sensitivity(detector: Detector, views: Tensor, steps: int, batch_size: int) -> np.ndarray:
    """|A_j / x_j| of each view [V, 3, T, H, W], 0 where x_j is at the baseline already: of
    integrated gradients what is left without the factor x_j."""
    from captum.attr import IntegratedGradients

    integrated = IntegratedGradients(_differentiable(detector, views), multiply_by_inputs=False)
    recurrent = any(isinstance(module, nn.RNNBase) for module in detector.modules())
    # cuDNN gives recurrent layers no gradient outside of training.
    with torch.backends.cudnn.flags(enabled=not recurrent):
        gradients = integrated.attribute(
            views, baselines=0.0, n_steps=steps, internal_batch_size=max(batch_size, len(views))
        )
    found: np.ndarray = (gradients.abs() * (views > 0)).double().cpu().numpy()
    return found


def _differentiable(detector: Detector, views: Tensor) -> Detector:
    with torch.enable_grad():
        logits = detector(views[:1].clone().requires_grad_())
    if not logits.requires_grad:
        raise OptionError(
            f"--confidence abc: the logit of {type(detector.network).__name__} has no gradient "
            "with respect to its input"
        )
    return detector


def _weights(values: np.ndarray) -> np.ndarray:
    """Each view's values divided by their sum; all 0 where a view changes nothing."""
    sums = values.sum(axis=tuple(range(1, values.ndim)), keepdims=True)
    shares: np.ndarray = np.divide(values, sums, out=np.zeros_like(values), where=sums > 0)
    return shares


def _decisions(detector: Detector, clips: Tensor) -> np.ndarray:
    """Whether each of clips [n, V, 3, T, H, W] is called fake, bool [n]."""
    with torch.no_grad():
        logits = detector(clips.flatten(0, 1)).double()
    scores = torch.sigmoid(logits).view(clips.shape[:2]).cpu().numpy()
    return np.array([detector.combine(clip) >= 0.5 for clip in scores])
