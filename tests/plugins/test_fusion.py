"""One trunk, four ways of joining frames: shapes of the paper, shared weights, flicker learned."""

from __future__ import annotations

import pytest
import torch

from dfbench_fusion.networks import early_fusion, late_fusion, single_frame, slow_fusion

SMALL = {"width": 0.125, "size": 64}
ALL = {
    "single_frame": (single_frame, 1),
    "late_fusion": (late_fusion, 2),
    "early_fusion": (early_fusion, 10),
    "slow_fusion": (slow_fusion, 10),
}


def frames_left(network, frames, size=64):
    """Frames after each of the first three convolutions."""
    maps, left = torch.rand(1, 3, frames, size, size), []
    for layer in (network.conv1, network.conv2, network.conv3):
        maps = layer(maps)
        left.append(maps.shape[2])
    return left


def test_frames_meet_where_the_paper_says():
    assert frames_left(slow_fusion(**SMALL).eval(), 10) == [4, 2, 1]
    assert frames_left(early_fusion(**SMALL).eval(), 10) == [1, 1, 1]
    assert frames_left(late_fusion(**SMALL).eval(), 2) == [2, 2, 2]


def test_the_paper_s_layers_at_full_size():
    with torch.device("meta"):
        single, early, slow = single_frame(), early_fusion(), slow_fusion()
        maps = single.features(torch.rand(1, 3, 1, 170, 170))
    kernels = [tuple(m.weight.shape) for m in single.modules() if isinstance(m, torch.nn.Conv3d)]
    assert kernels == [
        (96, 3, 1, 11, 11),
        (256, 96, 1, 5, 5),
        (384, 256, 1, 3, 3),
        (384, 384, 1, 3, 3),
        (256, 384, 1, 3, 3),
    ]
    assert early.conv1[0].weight.shape == (96, 3, 10, 11, 11)
    assert slow.conv1[0].weight.shape[2] == 4
    assert slow.conv2[0].weight.shape[2] == slow.conv3[0].weight.shape[2] == 2
    assert single.fc6[0].weight.shape == (4096, maps.shape[1])


def test_late_fusion_s_towers_are_single_frame_s_with_shared_weights():
    torch.manual_seed(0)
    late, single = late_fusion(**SMALL).eval(), single_frame(**SMALL).eval()
    convolutions = {k: v for k, v in late.state_dict().items() if k.startswith("conv")}
    single.load_state_dict(convolutions, strict=False)
    clip = torch.rand(1, 3, 2, 64, 64)
    with torch.no_grad():
        joined = late.features(clip)
        apart = [single.features(clip[:, :, t : t + 1]) for t in range(2)]
    torch.testing.assert_close(joined, torch.cat(apart, dim=1))


@pytest.mark.parametrize("name", ALL)
def test_other_clips_are_refused(name):
    make, frames = ALL[name]
    with pytest.raises(ValueError, match=f"{name} takes .*not clips of {frames + 1}"):
        make(**SMALL)(torch.rand(1, 3, frames + 1, 64, 64))
    with pytest.raises(ValueError, match="option size"):
        make(**SMALL)(torch.rand(1, 3, frames, 96, 96))
    with pytest.raises(ValueError, match="width"):
        make(width=0)
    with pytest.raises(ValueError, match="size"):
        make(size=16)


def test_slow_fusion_learns_an_order_that_no_single_frame_shows():
    """Real: brightness rises over the clip. Fake: the same ten frames in another order."""
    torch.manual_seed(0)
    network = slow_fusion(width=0.125, size=32)
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    rise = torch.linspace(0.2, 0.8, 10)
    noise = 0.05 * torch.randn(16, 3, 10, 32, 32)
    clips = noise + rise.view(1, 1, 10, 1, 1)
    for i in range(8, 16):
        clips[i] = clips[i][:, torch.randperm(10)]
    labels = (torch.arange(16) >= 8).float()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(25):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(clips), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss) < 0.1
