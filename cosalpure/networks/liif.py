"""LIIF on an EDSR encoder, as DISCO uses it: the continuous representation (CR) of an image.

An encoder gives every pixel a latent code. An MLP reads the code of the pixel nearest to any point of the plane, the
point's offset from it and the size of the wanted output pixel, and answers with the colour there; the four nearest
codes are asked and averaged by the area of the opposite rectangle (local ensemble). LIIF: Chen, Liu, Wang, CVPR 2021;
EDSR: Lim et al., CVPRW 2017; as a defence, trained from attacked to clean images, DISCO: Ho and Vasconcelos, NeurIPS
2022. Origin: github.com/yinboc/liif (BSD-3) and github.com/chihhuiho/disco (no licence); our own code with their
parameter names. Differs: outputs are whole images, so that positions are handled a row and a column at a time, and the
MLP's first layer, being linear, is a convolution once per input pixel instead of a product once per query. Values
agree within 1e-5.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

QUERIES = 1 << 16  # a pass of the MLP: 64 MB of hidden values at its official width; no influence on the result
RGB_MEAN = (0.4488, 0.4371, 0.4040)  # of DIV2K, in the checkpoint's unused layers

Pair = tuple[Tensor, Tensor]  # of one axis: indices of input pixels, and the offsets from their centres


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and the shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the shape of x (N, channels, h, w)."""
        y: Tensor = x + self.body(x)
        return y


def mean_shift(sign: int) -> nn.Conv2d:
    """Build a constant layer that official checkpoints carry and no forward pass uses."""
    layer = nn.Conv2d(3, 3, 1).requires_grad_(False)
    layer.weight.copy_(torch.eye(3).view(3, 3, 1, 1))
    cast(Tensor, layer.bias).copy_(sign * torch.tensor(RGB_MEAN))
    return layer


class EDSR(nn.Module):
    """Images (N, 3, H, W) in [-1, 1] -> codes (N, C, H, W): EDSR-baseline without its upsampling."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.sub_mean, self.add_mean = mean_shift(-1), mean_shift(1)
        self.head = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1))
        last = nn.Conv2d(channels, channels, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)), last)

    def forward(self, images: Tensor) -> Tensor:
        """Encode images (N, 3, H, W) in [-1, 1] as codes (N, C, H, W)."""
        x: Tensor = self.head(images)
        codes: Tensor = x + self.body(x)
        return codes


class MLP(nn.Module):
    """Linear layers with ReLUs between; `hidden` lists the inner widths."""

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        for width in hidden:
            self.layers.extend([nn.Linear(inputs, width), nn.ReLU()])
            inputs = width
        self.layers.append(nn.Linear(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (..., outputs) of x (..., inputs)."""
        y: Tensor = self.layers(x)
        return y


class LIIF(nn.Module):
    """Images (N, 3, H, W) in [-1, 1] -> the same scene at `size` (height, width), about [-1, 1] but not clamped."""

    def __init__(self, channels: int = 64, blocks: int = 16, hidden: Sequence[int] = (256, 256, 256, 256)) -> None:
        super().__init__()
        self.encoder = EDSR(channels, blocks)
        self.imnet = MLP(9 * channels + 2 + 2, hidden, 3)  # 3 x 3 codes around, offset, size of the output pixel

    def forward(self, images: Tensor, size: Sequence[int], positions: Sequence[Tensor] | None = None) -> Tensor:
        """Represent images (N, 3, H, W) at `size`; see `decode` for `positions`."""
        return self.decode(self.encoder(images), size, positions)

    def decode(self, codes: Tensor, size: Sequence[int], positions: Sequence[Tensor] | None = None) -> Tensor:
        """Decode images (N, 3, *size) from the encoder's `codes` (N, C, H, W), in bands of rows that bound the memory.

        `positions`, (rows, columns) as index tensors, asks only for these rows and columns of it, as trainings do.
        """
        n, channels, height, width = codes.shape
        first = cast(nn.Linear, self.imnet.layers[0])
        neighbourhood, offset_y, offset_x, cell_y, cell_x = first.weight.split((9 * channels, 1, 1, 1, 1), 1)
        # what the first layer makes of the codes and of the output pixel's size, in input pixels (times two, as is all)
        codes = F.conv2d(codes, neighbourhood.reshape(-1, channels, 3, 3), first.bias, padding=1)
        codes = codes + (cell_y * (2 * height / size[0]) + cell_x * (2 * width / size[1])).view(-1, 1, 1)
        rows, columns = nearest_two(size[0], height, codes), nearest_two(size[1], width, codes)
        if positions is not None:
            rows, columns = (
                [(index[chosen], offset[chosen]) for index, offset in pairs]
                for pairs, chosen in zip((rows, columns), positions, strict=True)
            )
        band = max(1, QUERIES // (n * len(columns[0][0])))
        bands = []
        for start in range(0, len(rows[0][0]), band):
            part = [(index[start : start + band], offset[start : start + band]) for index, offset in rows]
            bands.append(self._ensemble(codes, part, columns, offset_y, offset_x))
        return torch.cat(bands, 1).permute(0, 3, 1, 2).contiguous()

    def _ensemble(
        self, codes: Tensor, rows: Sequence[Pair], columns: Sequence[Pair], offset_y: Tensor, offset_x: Tensor
    ) -> Tensor:
        """Average the four nearest codes' answers, weighted by area; (N, band, width, 3)."""
        answers, areas = [], []
        for row, y in rows:
            for column, x in columns:
                offset = y[:, None, None] * offset_y[:, 0] + x[:, None] * offset_x[:, 0]  # (band, width, hidden)
                queried = codes[:, :, row][..., column].permute(0, 2, 3, 1) + offset
                answers.append(self.imnet.layers[1:](queried))
                areas.append((y[:, None] * x).abs() + 1e-9)
        total = sum(areas)
        mean: Tensor = sum(a * (area / total)[..., None] for a, area in zip(answers, areas[::-1], strict=True))
        return mean


def nearest_two(outputs: int, inputs: int, like: Tensor) -> list[Pair]:
    """Find along one axis, for each output pixel's centre, the input pixels below and above: [(index, offset), ...].

    Offsets are from the input pixel's centre, in half input pixels, as LIIF's axis of length 2 makes them.
    """
    centres = (2 * torch.arange(outputs, dtype=torch.float64) + 1) / outputs * inputs  # in [0, 2 inputs]
    pairs = []
    for side in (-1, 1):
        shifted = (centres + side + 1e-6 * inputs) / 2  # the official nudge: ties go to the upper pixel
        index = shifted.floor().long().clamp(0, inputs - 1)
        offset = centres - (2 * index + 1)
        pairs.append((index.to(like.device), offset.to(like)))
    return pairs
