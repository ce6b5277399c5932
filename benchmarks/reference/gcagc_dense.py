"""GCAGC's co-saliency head as the official script computes it, written plainly: the reference of `gcagc_graph.py`.

It follows V1len/CosalPure, lib/models/GCAGC/model3/model2_graph4_hrnet_agcm.py. The adjacency of all K = 784 N positions is a
dense K x K matrix, normalised by multiplying with a dense diagonal matrix of the same size. The clustering optimises a vector
by Adam on a dense matrix of similarities, with autograd. Time beside the original's: docs/results/data/peers.csv
(`../../tests/golden/gcagc_units.npz` holds its values).
"""

import types

import torch

from cosalpure.networks import gcagc

EPS_ROWS = 1e-10
STEPS, RATE, LENGTH_WEIGHT = 200, 0.01, 50  # of the clustering


def row_normalise(adjacency):
    """Rows that sum to one, by a dense diagonal matrix of the inverse sums."""
    inverse = 1 / (adjacency.sum(1) + EPS_ROWS)
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


def cluster(maps):
    """Takes the place of `gcagc.cluster`: the same argument and values."""
    n, _, height, width = maps.shape
    nodes = maps.permute(0, 2, 3, 1).flatten(0, 2)
    nodes = nodes / nodes.square().sum(1, keepdim=True).sqrt()
    similarities, count = torch.mm(nodes, nodes.T) - 1, len(nodes)
    with torch.enable_grad():
        s = torch.nn.Parameter(torch.sqrt(count * torch.ones(count, 1)) / count)
        optimizer = torch.optim.Adam([s], RATE)
        for _ in range(STEPS):
            length = s.square().sum().sqrt()
            penalty = -torch.log(2 - length) if length >= 1 else -torch.log(length)
            loss = LENGTH_WEIGHT * penalty - torch.mm(torch.mm(s.T, similarities), s).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return s.detach().view(n, 1, height, width)


def make_dense(network):
    """A `networks.gcagc.GCAGC` whose graphs are dense from now on, as is the clustering of all."""
    network.cosalnet.convolve_graph = types.MethodType(convolve_graph, network.cosalnet)
    gcagc.cluster = cluster
    return network
