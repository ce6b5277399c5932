"""LIIF as the official code computes it, written plainly: the reference of `liif_resize.py`.

It follows yinboc/liif, models/liif.py and demo.py: every pixel of the output is a query of its own; each of the four nearest
codes is looked up with its 3 x 3 neighbourhood, and the whole MLP reads it beside the offset and the size of the pixel. Time
beside the original's: docs/results/data/peers.csv.
"""

import torch
from torch.nn import functional as F

QUERIES, SHIFT = 30000, 1e-6


@torch.no_grad()
def resize(network, image, size):
    """Image (1, 3, H, W) in [0, 1] -> (1, 3, *size), by our `network`'s weights."""
    codes = network.encoder(image * 2 - 1)
    neighbourhoods = lambda: F.unfold(codes, 3, padding=1).view(1, -1, *codes.shape[-2:])  # noqa: E731
    positions, cell = centres(size), torch.tensor([2 / size[0], 2 / size[1]])
    parts = [ask(network.imnet, neighbourhoods(), part, cell) for part in positions.split(QUERIES)]
    return (torch.cat(parts) * 0.5 + 0.5).clamp(0, 1).view(1, *size, 3).permute(0, 3, 1, 2)


def centres(size):
    """The centres (H * W, 2) of pixels, (y, x) in [-1, 1]."""
    rows, columns = ((torch.arange(side) + 0.5) * 2 / side - 1 for side in size)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1).view(-1, 2)


def ask(mlp, codes, positions, cell):
    """The colours (Q, 3) at `positions` (Q, 2): the four nearest codes' answers, weighted by the opposite areas."""
    sides = torch.tensor(codes.shape[-2:])
    grid = centres(codes.shape[-2:]).view(1, *codes.shape[-2:], 2).permute(0, 3, 1, 2)
    answers, areas = [], []
    for corner in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        there = (positions + torch.tensor(corner) / sides + SHIFT).clamp(-1 + SHIFT, 1 - SHIFT)
        code, centre = look_up(codes, there), look_up(grid, there)
        offset = (positions - centre) * sides
        answers.append(mlp(torch.cat([code, offset, (cell * sides).expand(len(code), -1)], -1)))
        areas.append(offset.prod(-1).abs() + 1e-9)
    total = sum(areas)
    return sum(answer * (area / total)[:, None] for answer, area in zip(answers, reversed(areas), strict=True))


def look_up(maps, positions):
    """The values (Q, C) of maps (1, C, h, w) nearest to positions (Q, 2)."""
    found = F.grid_sample(maps, positions.flip(-1)[None, None], mode="nearest", align_corners=False)
    return found[0, :, 0].T
