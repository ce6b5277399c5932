"""GCAGC's graph convolution as the official script computes it, written plainly: the reference of `gcagc_graph.py`.

The adjacency of all K = 784 N positions is a dense K x K matrix, normalised by multiplying with a dense diagonal matrix
of the same size (official: lib/models, row_normalize; `../../tests/golden/gcagc_units.npz` holds its values).
"""

import types

import torch

EPS_ROWS = 1e-10


def row_normalise(adjacency):
    """Rows that sum to one, by a dense diagonal matrix of the inverse sums."""
    inverse = (adjacency.sum(1) + EPS_ROWS).pow(-1)
    inverse[torch.isinf(inverse)] = 0.0
    return torch.mm(torch.diag(inverse), adjacency)


def convolve_graph(self, level, maps):
    """Takes the place of `CoSaliency.convolve_graph`: the same arguments and values."""
    n, _, height, width = maps.shape
    nodes = maps.permute(0, 2, 3, 1).flatten(0, 2)
    adjacency = row_normalise(torch.mm(nodes, nodes.T))
    x = nodes
    for number in (1, 2):
        layer = getattr(self, f"gc{level}_{number}")
        x = (torch.mm(adjacency, torch.mm(x, layer.weight)) + layer.bias).relu()
    return x.view(n, height, width, -1).permute(0, 3, 1, 2)


def make_dense(network):
    """A `networks.gcagc.GCAGC` whose graphs are dense from now on."""
    network.cosalnet.convolve_graph = types.MethodType(convolve_graph, network.cosalnet)
    return network
