"""Jadena's augment variant as the official script runs it, written plainly: the reference of `jadena_batch.py`.

It follows tsingqguo/jadena, lib/bias_field_attack.py and example.py: one image at a time; at each of the steps + 1 evaluations
the image and its four views pass the surrogate together. All five have a noise, exposure coefficients and a flow, and the
gradient goes to all, although only the image's own are tuned. Time beside the original's: docs/results/data/peers.csv.
"""

import torch
from torch.nn import functional as F

from cosalpure.degrade.jadena import FLOW_CELL, augment, identity_grid, polynomial_basis


def attack(surrogate, images, steps=20, epsilon=16 / 255, noise_step=1 / 255, exposure_step=0.1, flow_step=0.01):
    """Images (N, 3, S, S) in [0, 1] -> attacked images; `surrogate` gives a list of feature maps."""
    settings = (steps, epsilon, (noise_step, exposure_step, flow_step))
    return torch.cat([attack_one(surrogate, image[None], *settings) for image in images])


def attack_one(surrogate, image, steps, epsilon, step_sizes):
    side, cells = image.shape[-1], image.shape[-1] // FLOW_CELL
    views = torch.cat([image, augment(image).flatten(0, 1)])  # (5, 3, S, S)
    basis, identity = polynomial_basis(side, side, 10).view(-1, side, side), identity_grid(side, side)
    noise = torch.zeros_like(views).requires_grad_()
    coefficients = torch.zeros(len(views), 1, len(basis)).requires_grad_()
    flow = torch.zeros(len(views), 2, cells, cells).requires_grad_()
    tuned, gathered = (noise, coefficients, flow), [0, 0, 0]
    for step in range(steps + 1):
        field = (coefficients[..., None, None] * basis).sum(2)
        offsets = F.interpolate(flow, size=(side, side), mode="bilinear", align_corners=False).permute(0, 2, 3, 1)
        exposure = F.grid_sample(field, (identity + offsets).clamp(-1, 1), align_corners=True)
        attacked = ((views.log() + exposure).exp() + noise).clamp(0, 1)
        loss = objective(surrogate(attacked), exposure, flow, side)
        if step == steps:
            return attacked[:1].detach()
        gradients = [its / lengths(its) for its in torch.autograd.grad(loss, tuned)]
        gathered = [a + b for a, b in zip(gathered, gradients, strict=True)]
        with torch.no_grad():
            for parameter, past, size in zip(tuned, gathered, step_sizes, strict=True):
                parameter[0].sub_(past[0].sign(), alpha=size)
            noise.clamp_(-epsilon, epsilon)


def objective(maps, exposure, flow, side):
    """The variation of the features among the images, and the roughness of exposure and flow."""
    variation = sum(its.transpose(0, 1).flatten(1).std(1).mean() for its in maps) / len(maps)
    rough = flow.diff(dim=2).square().sum() + flow.diff(dim=3).square().sum()
    return variation + 0.01 * exposure.square().sum() / side**2 + 0.01 / FLOW_CELL**2 * rough


def lengths(gradient):
    """The sum of absolute values of each image's gradient, in a shape to divide by; 1 where it is 0."""
    sums = gradient.flatten(1).abs().sum(1)
    return torch.where(sums > 0, sums, 1.0).view(-1, *[1] * (gradient.dim() - 1))
