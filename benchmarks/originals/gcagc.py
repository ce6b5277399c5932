"""GCAGC: the network of ltp1995/GCAGC-CVPR2020 (groups of 5, as published) or its copy in V1len/CosalPure (any group)."""

import warnings
from pathlib import Path

from originals import load, on_cpu

COPY = "lib/models/GCAGC"  # in CosalPure's checkout


def head(path, network):
    """`run(group)`, (N, 3, S, S) -> co-saliency maps (N, 1, S, S), with the weights of our `network`."""
    on_cpu()
    warnings.filterwarnings("ignore", message=".*upsample.*")
    path = Path(path, COPY) if Path(path, COPY).is_dir() else Path(path)
    its = load(path, "model3.model2_graph4_hrnet_agcm").Model().eval().requires_grad_(False)
    its.load_state_dict(network.cosalnet.state_dict(), strict=False)
    return lambda group: its(group)[0].unsqueeze(1)
