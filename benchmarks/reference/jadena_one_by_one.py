"""Jadena's augment variant as the official script runs it, written plainly: the reference of `jadena_batch.py`.

One image at a time; at each of the steps + 1 evaluations the image and its four views pass the surrogate together, and
the gradient goes back through all five, although only the image itself is tuned.
"""

import torch
from torch.nn import functional as F

from cosalpure.degrade.jadena import FLOW_CELL, augment, identity_grid, polynomial_basis, roughness


def attack(surrogate, images, steps=20, epsilon=16 / 255, noise_step=1 / 255, exposure_step=0.1, flow_step=0.01):
    """Images (N, 3, S, S) in [0, 1] -> attacked images; `surrogate` gives a list of feature maps."""
    settings = (steps, epsilon, (noise_step, exposure_step, flow_step))
    return torch.cat([attack_one(surrogate, image[None], *settings) for image in images])


def attack_one(surrogate, image, steps, epsilon, step_sizes):
    side = image.shape[-1]
    views = augment(image).flatten(0, 1)  # (4, 3, S, S)
    basis, identity, log_image = polynomial_basis(side, side, 10), identity_grid(side, side), image.log()
    noise = torch.zeros_like(image).requires_grad_()
    coefficients = torch.zeros(1, len(basis)).requires_grad_()
    flow = torch.zeros(1, 2, side // FLOW_CELL, side // FLOW_CELL).requires_grad_()
    tuned = (noise, coefficients, flow)
    gathered = [torch.zeros_like(parameter) for parameter in tuned]
    for step in range(steps + 1):
        field = (coefficients @ basis).view(1, 1, side, side)
        offsets = F.interpolate(flow, size=(side, side), mode="bilinear", align_corners=False).permute(0, 2, 3, 1)
        exposure = F.grid_sample(field, (identity + offsets).clamp(-1, 1), align_corners=True)
        attacked = ((log_image + exposure).exp() + noise).clamp(0, 1)
        maps = surrogate(torch.cat([attacked, views]))
        variation = torch.stack([m.permute(1, 0, 2, 3).flatten(1).std(1).mean() for m in maps]).mean()
        loss = variation + 0.01 * exposure.square().mean() + 0.01 / FLOW_CELL**2 * roughness(flow).sum()
        gradients = torch.autograd.grad(loss, tuned)
        if step == steps:
            return attacked.detach()
        with torch.no_grad():
            for parameter, past, gradient, size in zip(tuned, gathered, gradients, step_sizes, strict=True):
                past.add_(gradient / gradient.abs().sum().clamp_min(1e-30))
                parameter.sub_(past.sign(), alpha=size)
            noise.clamp_(-epsilon, epsilon)
