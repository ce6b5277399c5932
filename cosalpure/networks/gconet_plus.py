"""GCoNet+: A Stronger Group Collaborative Co-Salient Object Detector (Zheng et al., TPAMI 2023, arXiv:2205.15469).

A VGG16 with batch norm finds features, the group affinity module multiplies its deepest map with the group's
prototype, and a top-down decoder ends in a head of differentiable binarisation (DB, Liao et al. 2020): a map and a
threshold map, whose difference is steepened. Origin: github.com/ZhengPeng7/GCoNet_plus (MIT); this is our own code
with its parameter names.

Differs: sixteen tensors of the checkpoint that serve the training alone are accepted and ignored, as is a second pass
through the backbone whose class scores nobody reads; the affinity is reduced key image by key image. Values agree with
the official code within 1e-4: the head multiplies rounding errors by up to 75.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from cosalpure.networks.group_affinity import Block, GroupFeatures, upsample
from cosalpure.networks.vgg import block_channels
from cosalpure.networks.vgg_bn import VGGBatchNormBackbone

STEEP, GENTLE = 300.0, 50.0  # of the DB head
UNUSED = (  # parts of the checkpoint that only the training has a use for
    "co_x5.conv_output.", "co_x5.conv_transform.", "co_x5.fc_transform.", "pred_layer.", "classifier.", "conv_out1.",
    "conv_out_mask.",
)  # fmt: skip


class DBHead(nn.Module):
    """Features (N, C, H, W) -> a map and its threshold, (N, 1, H, W) each, in (0, 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.binarize = _prediction(channels)
        self.thresh = _prediction(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the map and the threshold."""
        return self.binarize(x), self.thresh(x)


def _prediction(channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(2):
        layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, 1), nn.Sigmoid())


def steepness(values: Tensor, threshold: Tensor) -> float:
    """Decide how steep the DB head is for a whole group: 300, but 50 if exp(300 (t - b)) overflows float32 anywhere.

    The official code tries 300 and starts again where its result is infinite. One pixel of one image decides for the
    whole group, so that a group's maps jump where t - b reaches 0.2957.
    """
    exponent = STEEP * (threshold.detach().float() - values.detach().float())
    return GENTLE if exponent.exp().isinf().any() else STEEP


def smooth_logits(values: Tensor, threshold: Tensor) -> Tensor:
    """Return 50 (b - t), for attacks and training: positive where the map is above one half.

    Its sigmoid is the map without the jump between steepnesses. At 300 the map is flat nearly everywhere.
    """
    return GENTLE * (values - threshold)


def binarised(values: Tensor, threshold: Tensor) -> Tensor:
    """Turn a group's values b and thresholds t into maps in [0, 1]: the sigmoid of k (b - t), k being the steepness."""
    return (steepness(values, threshold) * (values - threshold)).sigmoid()


class GCoNetPlus(nn.Module):
    """A group of normalised images (N, 3, H, W) -> co-saliency maps (N, 1, H, W) in [0, 1].

    `input_size` is the side of the square images that the weights were trained on, for whoever feeds the network.
    """

    def __init__(self, width: float = 1.0, input_size: int = 256) -> None:
        super().__init__()
        self.input_size = input_size
        self.bb = VGGBatchNormBackbone(width)
        depths = [block[-1] for block in block_channels(width)]  # 64, 128, 256, 512, 512
        outputs = [max(4, round(channels * width)) for channels in (32, 32, 64, 128, 256)]
        middle = max(4, round(64 * width))
        self.co_x5 = GroupFeatures(depths[4])
        self.top_layer = Block(depths[4], outputs[4], middle)
        for level in (5, 4, 3, 2, 1):
            # a layer takes the map of its own level, which the layer above has brought to its width
            inputs = outputs[min(level, 4)]
            self.add_module(f"enlayer{level}", Block(inputs, outputs[level - 1], middle))
            if level > 1:
                self.add_module(f"latlayer{level}", nn.Conv2d(depths[level - 2], outputs[level - 1], 1))
        self.db_output_decoder = DBHead(outputs[0])

    def forward(self, images: Tensor, counts: Sequence[int] | None = None) -> Tensor:
        """Predict maps; `counts` images a group where there are several groups, by default all are one."""
        return binarised(*self.values_and_threshold(images, counts))

    def values_and_threshold(self, images: Tensor, counts: Sequence[int] | None = None) -> tuple[Tensor, Tensor]:
        """Return what the DB head compares: the map b and the threshold t, (N, 1, H, W) each, in (0, 1)."""
        laterals, deepest = self.features(images)
        return self.decode(laterals, self.co_x5(deepest, counts))

    def features(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return what the decoder adds at strides 1, 2, 4 and 8, and the backbone's deepest map, which the group weighs."""
        *maps, deepest = self.bb(images)
        return self.laterals(maps), deepest

    def laterals(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return the backbone's maps, fine first, without the deepest one, as the decoder adds them."""
        return [getattr(self, f"latlayer{level + 1}")(x) for level, x in enumerate(maps, 1)]

    def decode(self, laterals: Sequence[Tensor], common: Tensor) -> tuple[Tensor, Tensor]:
        """Turn `features`, the deepest map times its prototype, into b and t at the images' size."""
        state = self.top_layer(common)
        for level in (5, 4, 3, 2, 1):
            if level < 5:
                lateral = laterals[level - 1]
                state = upsample(state, lateral.shape[-2:]) + lateral
            state = getattr(self, f"enlayer{level}")(state)
        values, threshold = self.db_output_decoder(state)
        return values, threshold

    @staticmethod
    def official_state(gconet_plus: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Leave out what only the training has a use for."""
        return {key: value for key, value in gconet_plus.items() if not key.startswith(UNUSED)}

    @staticmethod
    def variant(state: Mapping[str, Tensor]) -> str:
        """Say which other model of its authors' a file seems to be; empty if none."""
        if any(key.startswith("bb.patch_embed") for key in state):
            return "it holds weights of MCCL, which is detector 'mccl'"
        if not any("co_x5.all_attention" in key for key in state):
            return ""
        expected = "expected a file of GCoNet+'s folder gcop_weights"
        if any(key.startswith(("ginet.", "backbone.")) for key in state):
            return f"GCoNet, the network before GCoNet+; {expected}"
        if not any("db_output_decoder" in key for key in state):
            return f"a GCoNet+ without its DB head; {expected}"
        return ""
