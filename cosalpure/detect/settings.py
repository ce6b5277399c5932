"""Settings of detectors."""

from typing import Literal

from pydantic import Field, PositiveInt

from cosalpure.schema import Model


class GICDSettings(Model):
    """GICD, gradient-induced co-saliency detection (Zhang et al., ECCV 2020)."""

    weights: str | tuple[str, str] = Field(
        ("weights/gicd_ginet.pth", "weights/vgg16-397923af.pth"),
        description="One file of weights, or the two official files: gicd_ginet.pth and the VGG16 of its co-classifier.",
    )


class GCAGCSettings(Model):
    """GCAGC, adaptive graph convolution with attention graph clustering, on HRNet-W48 (Zhang et al., CVPR 2020)."""

    weights: str = Field(
        "weights/hrnet_stage3_iter45000.pth",
        description="File of the weights. The official one is hrnet_stage3_iter45000.pth.",
    )
    group_size: PositiveInt | None = Field(
        None,
        description="Number of images that are compared with each other. null: the whole group, as in CosalPure. The official "
        "script of GCAGC uses 5.",
    )
    times_saliency: bool = Field(
        False, description="Multiply maps by plain saliency, as the official script of GCAGC does on iCoseg."
    )


class PoolNetSettings(Model):
    """PoolNet, pooling-based salient object detection, on ResNet-50 with edges (Liu et al., CVPR 2019)."""

    weights: str = Field(
        "weights/poolnet_resnet50_edge.pth",
        description="File of the weights. The official one is of PoolNet-ResNet50 with edges.",
    )
    channel_means: Literal["cosalpure", "official"] = Field(
        "cosalpure",
        description="Channel means that are subtracted from the image. The code of CosalPure exchanges PoolNet's means of "
        "green and blue.",
    )


class GCoNetPlusSettings(Model):
    """GCoNet+, a group collaborative network on VGG16 with batch norm (Zheng et al., TPAMI 2023)."""

    weights: str = Field(
        "weights/gconet_plus_duts_cocoseg.pth",
        description="File of the weights. The official ones are in the folder gcop_weights.",
    )


class MCCLSettings(Model):
    """MCCL, memory-aided contrastive consensus learning, on PVTv2-b2 (Zheng et al., AAAI 2023)."""

    weights: str = Field(
        "weights/mccl_pvt_v2_b2.pth", description="File of the weights. The official one is in release v0.7."
    )
