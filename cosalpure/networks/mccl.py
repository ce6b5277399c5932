"""MCCL: Memory-aided Contrastive Consensus Learning (Zheng, Qin, Wang, Xiang, Xiong; AAAI 2023, arXiv:2302.14485).

A PVTv2 transformer finds features, the group affinity module multiplies its deepest map with the group's prototype,
and a top-down decoder turns this into one logit a pixel. Memory, contrast and discriminator of the paper belong to the
training alone. Origin: github.com/ZhengPeng7/MCCL (MIT); this is our own code with its parameter names.

Differs: the last convolution runs before the last upsampling (the same function, sixteen times cheaper); the affinity is
reduced key image by key image. Values agree with the official code within 1e-5.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from cosalpure.networks.group_affinity import Block, GroupFeatures, upsample
from cosalpure.networks.pvt_v2 import PVTv2, stage_channels


class MCCL(nn.Module):
    """A group of normalised images (N, 3, H, W) -> logits (N, 1, H, W).

    `input_size` is the side of the square images that the weights were trained on, for whoever feeds the network.
    """

    def __init__(self, width: float = 1.0, depths: Sequence[int] = (3, 4, 6, 3), input_size: int = 256) -> None:
        super().__init__()
        self.input_size = input_size
        self.bb = PVTv2(width, depths)
        c1, c2, c3, c4 = stage_channels(width)
        middle, last = (max(4, round(channels * width)) for channels in (64, 32))
        self.co_x4 = GroupFeatures(c4)
        self.top_layer = Block(c4, c3, middle)
        self.dec_layer4 = Block(c3, c3, middle)
        self.lat_layer4 = nn.Conv2d(c3, c3, 1)
        self.dec_layer3 = Block(c3, c2, middle)
        self.lat_layer3 = nn.Conv2d(c2, c2, 1)
        self.dec_layer2 = Block(c2, c1, middle)
        self.lat_layer2 = nn.Conv2d(c1, c1, 1)
        self.dec_layer1 = Block(c1, last, middle)
        self.conv_out1 = nn.Sequential(nn.Conv2d(last, 1, 1))

    def forward(self, images: Tensor, counts: Sequence[int] | None = None) -> Tensor:
        """Predict logits; `counts` images a group where there are several groups, by default all are one."""
        laterals, deepest = self.features(images)
        return upsample(self.decode(laterals, self.co_x4(deepest, counts)), images.shape[-2:])

    def features(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return what the decoder adds at strides 4, 8 and 16, and the backbone's deepest map, which the group weighs."""
        *maps, deepest = self.bb(images)
        return self.laterals(maps), deepest

    def laterals(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return the backbone's maps, fine first, without the deepest one, as the decoder adds them."""
        return [getattr(self, f"lat_layer{level + 1}")(x) for level, x in enumerate(maps, 1)]

    def decode(self, laterals: Sequence[Tensor], common: Tensor) -> Tensor:
        """Turn `features`, the deepest map times its prototype, into logits (N, 1, h, w) at stride 4."""
        state = self.dec_layer4(self.top_layer(common))
        for level in (3, 2, 1):
            lateral = laterals[level - 1]
            state = getattr(self, f"dec_layer{level}")(upsample(state, lateral.shape[-2:]) + lateral)
        logits: Tensor = self.conv_out1(state)
        return logits

    @staticmethod
    def variant(state: Mapping[str, Tensor]) -> str:
        """Say which other model of its authors' a file seems to be; empty if none."""
        if any(key.startswith("db_output_decoder.") for key in state):
            return "it holds weights of GCoNet+, which is detector 'gconet_plus'"
        if any(key.startswith("bb.") for key in state):
            return "a model with another backbone; expected PVTv2-b2, as in MCCL's release v0.7"
        return ""
