"""Settings of detectors."""

from typing import Literal

from pydantic import Field, PositiveInt

from cosalpure.schema import Model


class GICDSettings(Model):
    """GICD, gradient-induced co-saliency detection (Zhang et al., ECCV 2020)."""

    weights: str | tuple[str, str] = Field(
        ("weights/gicd_ginet.pth", "weights/vgg16-397923af.pth"),
        description="the network's weights; two official files: gicd_ginet.pth and the co-classifier's vgg16",
    )


class GCAGCSettings(Model):
    """GCAGC, adaptive graph convolution with attention graph clustering, on HRNet-W48 (Zhang et al., CVPR 2020)."""

    weights: str = Field(
        "weights/hrnet_stage3_iter45000.pth",
        description="the network's weights, or the official hrnet_stage3_iter45000.pth",
    )
    group_size: PositiveInt | None = Field(
        None, description="images that see each other; null is the whole group, as CosalPure; GCAGC's own script: 5"
    )
    times_saliency: bool = Field(False, description="multiply by plain saliency, as GCAGC's own script on iCoseg")


class PoolNetSettings(Model):
    """PoolNet, pooling-based salient object detection, on ResNet-50 with edges (Liu et al., CVPR 2019)."""

    weights: str = Field(
        "weights/poolnet_resnet50_edge.pth",
        description="the network's weights, or the official file of PoolNet-ResNet50 with edges",
    )
    channel_means: Literal["cosalpure", "official"] = Field(
        "cosalpure", description="subtracted from the image; CosalPure's code exchanges PoolNet's green and blue"
    )
