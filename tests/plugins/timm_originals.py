"""Checkpoints as the original programs write them, and what those compute."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from dfbench import load_detector


class Maker:
    """Random tensors under the names of an original; batch norm with statistics that are its own.

    gain: of the convolutions, 2 before a ReLU.
    """

    def __init__(self, seed: int = 0) -> None:
        self.state: dict[str, Tensor] = {}
        self.generator = torch.Generator().manual_seed(seed)

    def conv(self, name: str, outputs: int, inputs: int, side: int = 1, gain: float = 2) -> None:
        scale = math.sqrt(gain / (inputs * side * side))
        shape = (outputs, inputs, side, side)
        self.state[f"{name}.weight"] = scale * torch.randn(shape, generator=self.generator)

    def norm(self, name: str, channels: int) -> None:
        for kind, low in (
            ("weight", 0.5),
            ("bias", -0.5),
            ("running_mean", -0.5),
            ("running_var", 0.5),
        ):
            drawn = torch.rand(channels, generator=self.generator)
            self.state[f"{name}.{kind}"] = low + drawn

    def linear(self, name: str, outputs: int, inputs: int, gain: float = 1) -> None:
        shape = (outputs, inputs)
        drawn = torch.randn(shape, generator=self.generator) * math.sqrt(gain / inputs)
        self.state[f"{name}.weight"] = drawn
        self.state[f"{name}.bias"] = 0.1 * torch.randn(outputs, generator=self.generator)


class Reader:
    """The layers of a network, run by hand from its state dict."""

    def __init__(self, state: dict[str, Tensor], eps: float) -> None:
        self.state, self.eps = {k: v.double() for k, v in state.items()}, eps

    def norm(self, maps: Tensor, name: str) -> Tensor:
        weight, bias, mean, var = (
            self.state[f"{name}.{kind}"].view(1, -1, 1, 1)
            for kind in ("weight", "bias", "running_mean", "running_var")
        )
        return (maps - mean) / torch.sqrt(var + self.eps) * weight + bias

    def conv(self, maps: Tensor, name: str, stride: int = 1, padding: int = 0) -> Tensor:
        weight = self.state[f"{name}.weight"]
        groups = maps.shape[1] // weight.shape[1]
        bias = self.state.get(f"{name}.bias")
        return F.conv2d(maps, weight, bias, stride, padding, groups=groups)

    def linear(self, rows: Tensor, name: str) -> Tensor:
        return rows @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]


def xception_checkpoint(width: float = 1.0, classes: int = 2) -> dict[str, Tensor]:
    """Chollet 2017, figure 5, by the names of its first PyTorch version."""
    sizes = [round(c * width) for c in (32, 64, 128, 256, *[728] * 9, 1024, 1536, 2048)]
    make = Maker()

    def separable(name: str, inputs: int, outputs: int) -> None:
        make.conv(f"{name}.conv1", inputs, 1, 3, gain=1)
        make.conv(f"{name}.pointwise", outputs, inputs)

    make.conv("conv1", sizes[0], 3, 3)
    make.norm("bn1", sizes[0])
    make.conv("conv2", sizes[1], sizes[0], 3)
    make.norm("bn2", sizes[1])
    for block in range(1, 13):
        inputs, outputs = sizes[block], sizes[block + 1]
        middle = inputs if block == 12 else outputs
        chain = [inputs, middle, outputs] if block in (1, 2, 3, 12) else [inputs] * 4
        for unit in range(len(chain) - 1):
            at = 3 * unit + (block > 1)
            separable(f"block{block}.rep.{at}", chain[unit], chain[unit + 1])
            make.norm(f"block{block}.rep.{at + 1}", chain[unit + 1])
        if len(chain) == 3:
            make.conv(f"block{block}.skip", outputs, inputs)
            make.norm(f"block{block}.skipbn", outputs)
    for number, (inputs, outputs) in ((3, sizes[13:15]), (4, sizes[14:16])):
        separable(f"conv{number}", inputs, outputs)
        make.norm(f"bn{number}", outputs)
    make.linear("fc", classes, sizes[15])
    return make.state


def xception_logits(state: dict[str, Tensor], images: Tensor) -> Tensor:
    """[N, 3, S, S] -> [N, classes]. A ReLU stands before each separable convolution but the very
    first, and never touches what the shortcut carries."""
    net = Reader(state, eps=1e-5)

    def separable(maps: Tensor, name: str) -> Tensor:
        return net.conv(net.conv(maps, f"{name}.conv1", padding=1), f"{name}.pointwise")

    maps = F.relu(net.norm(net.conv(images, "conv1", stride=2), "bn1"))
    maps = F.relu(net.norm(net.conv(maps, "conv2"), "bn2"))
    for block in range(1, 13):
        shortcut, at = maps, 0
        strided = block in (1, 2, 3, 12)
        for unit in range(2 if strided else 3):
            if block > 1 or unit > 0:
                maps, at = F.relu(maps), at + 1
            name = f"block{block}.rep.{{}}".format
            maps, at = net.norm(separable(maps, name(at)), name(at + 1)), at + 2
        if strided:
            maps = F.max_pool2d(maps, 3, 2, 1)
            name = f"block{block}.skip"
            shortcut = net.norm(net.conv(shortcut, name, stride=2), f"{name}bn")
        maps = maps + shortcut
    for number in (3, 4):
        maps = F.relu(net.norm(separable(maps, f"conv{number}"), f"bn{number}"))
    return net.linear(maps.mean(dim=(2, 3)), "fc")


# Tan & Le 2019, table 1, at B4's depth 1.8 and width 1.4: repeats, kernel, stride, expansion, out.
B4 = (
    (2, 3, 1, 1, 24),
    (4, 3, 2, 6, 32),
    (4, 5, 2, 6, 56),
    (6, 3, 2, 6, 112),
    (6, 5, 1, 6, 160),
    (8, 5, 2, 6, 272),
    (2, 3, 1, 6, 448),
)


def b4_blocks():
    """(number, kernel, stride, expansion, inputs, outputs) of the 32 blocks."""
    number, inputs = 0, 48
    for repeats, kernel, stride, expansion, outputs in B4:
        for repeat in range(repeats):
            yield number, kernel, 1 if repeat else stride, expansion, inputs, outputs
            number, inputs = number + 1, outputs


def b4_checkpoint(classes: int = 2) -> dict[str, Tensor]:
    """EfficientNet-B4 by the names of the package efficientnet_pytorch."""
    make = Maker()
    make.conv("_conv_stem", 48, 3, 3)
    make.norm("_bn0", 48)
    for number, kernel, _, expansion, inputs, outputs in b4_blocks():
        name, wide, squeezed = f"_blocks.{number}", inputs * expansion, inputs // 4
        if expansion > 1:
            make.conv(f"{name}._expand_conv", wide, inputs)
            make.norm(f"{name}._bn0", wide)
        make.conv(f"{name}._depthwise_conv", wide, 1, kernel)
        make.norm(f"{name}._bn1", wide)
        for layer, rows, columns in (("reduce", squeezed, wide), ("expand", wide, squeezed)):
            make.linear(f"{name}._se_{layer}", rows, columns)
            make.state[f"{name}._se_{layer}.weight"].unsqueeze_(-1).unsqueeze_(-1)
        make.conv(f"{name}._project_conv", outputs, wide)
        make.norm(f"{name}._bn2", outputs)
    make.conv("_conv_head", 1792, 448)
    make.norm("_bn1", 1792)
    make.linear("_fc", classes, 1792)
    return make.state


def b4_logits(state: dict[str, Tensor], images: Tensor, pad_stem: bool = True) -> Tensor:
    """TensorFlow's padding at 380 px: ceil(side / stride) outputs, the odd pixel at the end."""
    net = Reader(state, eps=1e-3)
    side = 380

    def same(maps: Tensor, kernel: int, stride: int) -> Tensor:
        nonlocal side
        after = -(-side // stride)
        total = max((after - 1) * stride + kernel - side, 0)
        side = after
        return F.pad(maps, (total // 2, total - total // 2) * 2)

    padded = same(images, 3, 2)
    maps = net.conv(padded if pad_stem else images, "_conv_stem", stride=2)
    maps = F.silu(net.norm(maps, "_bn0"))
    for number, kernel, stride, expansion, inputs, outputs in b4_blocks():
        name, shortcut = f"_blocks.{number}", maps
        if expansion > 1:
            maps = F.silu(net.norm(net.conv(maps, f"{name}._expand_conv"), f"{name}._bn0"))
        maps = net.conv(same(maps, kernel, stride), f"{name}._depthwise_conv", stride)
        maps = F.silu(net.norm(maps, f"{name}._bn1"))
        squeezed = F.silu(net.conv(maps.mean((2, 3), keepdim=True), f"{name}._se_reduce"))
        maps = maps * torch.sigmoid(net.conv(squeezed, f"{name}._se_expand"))
        maps = net.norm(net.conv(maps, f"{name}._project_conv"), f"{name}._bn2")
        if stride == 1 and inputs == outputs:
            maps = maps + shortcut
    maps = F.silu(net.norm(net.conv(maps, "_conv_head"), "_bn1"))
    return net.linear(maps.mean(dim=(2, 3)), "_fc")


def clip_checkpoint(width: int, depth: int, patch: int, tokens: int, out: int) -> dict[str, Tensor]:
    """A CLIP by OpenAI's names, with a piece of its text tower."""
    make = Maker()
    make.conv("visual.conv1", width, 3, patch)
    draw = lambda *shape: 0.1 * torch.randn(shape, generator=make.generator)  # noqa: E731
    make.state |= {
        "visual.class_embedding": draw(width),
        "visual.positional_embedding": draw(tokens, width),
        "visual.proj": draw(width, out),
        "positional_embedding": draw(77, 8),
        "text_projection": draw(8, out),
        "token_embedding.weight": draw(10, 8),
        "transformer.resblocks.0.ln_1.weight": draw(8),
        "logit_scale": torch.tensor(4.6),
    }
    blocks = [f"visual.transformer.resblocks.{i}" for i in range(depth)]
    for block in blocks:
        make.linear(f"{block}.attn.in_proj", 3 * width, width)
        make.linear(f"{block}.attn.out_proj", width, width)
        make.linear(f"{block}.mlp.c_fc", 4 * width, width)
        make.linear(f"{block}.mlp.c_proj", width, 4 * width)
        for kind in ("weight", "bias"):
            name = f"{block}.attn.in_proj"
            make.state[f"{name}_{kind}"] = make.state.pop(f"{name}.{kind}")
    norms = [f"{block}.ln_{i}" for block in blocks for i in (1, 2)]
    for name in ("visual.ln_pre", "visual.ln_post", *norms):
        make.state |= {f"{name}.weight": 1 + draw(width), f"{name}.bias": draw(width)}
    return make.state


def clip_features(state: dict[str, Tensor], images: Tensor, heads: int, activation) -> Tensor:
    """Radford et al. 2021: the class token after the last norm, projected."""
    state = {k: v.double() for k, v in state.items()}

    def norm(rows: Tensor, name: str) -> Tensor:
        rows = rows - rows.mean(-1, keepdim=True)
        rows = rows / torch.sqrt(rows.square().mean(-1, keepdim=True) + 1e-5)
        return rows * state[f"visual.{name}.weight"] + state[f"visual.{name}.bias"]

    def linear(rows: Tensor, name: str, joint: str = ".") -> Tensor:
        weight, bias = (state[f"visual.{name}{joint}{kind}"] for kind in ("weight", "bias"))
        return rows @ weight.T + bias

    kernel = state["visual.conv1.weight"]
    patches = F.conv2d(images, kernel, stride=kernel.shape[-1]).flatten(2).transpose(1, 2)
    first = state["visual.class_embedding"].expand(len(images), 1, -1)
    rows = torch.cat([first, patches], dim=1) + state["visual.positional_embedding"]
    rows = norm(rows, "ln_pre")
    depth = sum(name.endswith("in_proj_bias") for name in state)
    for i in range(depth):
        block = f"transformer.resblocks.{i}"
        joined = linear(norm(rows, f"{block}.ln_1"), f"{block}.attn.in_proj", "_")
        q, k, v = (
            part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in joined.chunk(3, dim=-1)
        )
        weights = (q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])).softmax(-1)
        mixed = (weights @ v).transpose(1, 2).flatten(2)
        rows = rows + linear(mixed, f"{block}.attn.out_proj")
        hidden = activation(linear(norm(rows, f"{block}.ln_2"), f"{block}.mlp.c_fc"))
        rows = rows + linear(hidden, f"{block}.mlp.c_proj")
    return norm(rows[:, 0], "ln_post") @ state["visual.proj"]


def images(size: int, number: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(number, 3, size, size, generator=generator, dtype=torch.float64)


def logits_of(name: str, path, pictures: Tensor) -> Tensor:
    """Of the bare network: the pictures are normalised already. In float64, so that rounding does
    not grow with the depth."""
    with torch.inference_mode():
        return load_detector(name, path).network.double()(pictures[:, :, None])


def saved(tmp_path, content):
    torch.save(content, tmp_path / "official.pth")
    return tmp_path / "official.pth"


def agree(ours: Tensor, theirs: Tensor) -> None:
    assert theirs.dtype == ours.dtype == torch.float64
    assert theirs.std() > 1e-3 * theirs.abs().max()  # equal constants would prove nothing
    # The two rows of a head are subtracted in the checkpoint's float32.
    assert ours.numpy() == pytest.approx(theirs.numpy(), rel=1e-6)
