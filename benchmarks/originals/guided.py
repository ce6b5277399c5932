"""NVlabs/DiffPure (its guided-diffusion runners) and shiyegao/DDA: purification by an unconditional diffusion model.

`purifier(method, path, network, ours)` gives `purify(x, generators)`, x (N, 3, S, S) in [-1, 1], with the weights of our `network`
and the steps of our purifier `ours`. The process "sde" has a `result` beside it: timed with torchsde's Brownian motion, compared with ours
on ours' draws.
"""

import os
import tempfile
from types import SimpleNamespace

from originals import load, same_draws, unused

CHECKPOINT = "pretrained/guided_diffusion/256x256_diffusion_uncond.pt"  # where the runners look for it
FIXED = {"learn_sigma": True, "noise_schedule": "linear", "diffusion_steps": 1000, "class_cond": False}
FIXED |= {"resblock_updown": True, "use_scale_shift_norm": True, "use_fp16": False}


def architecture(path, side):
    """The arguments of guided-diffusion's network for the file of ours at `path`."""
    import json

    from cosalpure.networks import read_header

    its = json.loads(read_header(path)["arch"])
    found = {"image_size": side, "num_channels": its["channels"], "num_res_blocks": its["blocks"]}
    found |= {"num_head_channels": its["head_channels"], "channel_mult": ",".join(map(str, its["channel_mult"]))}
    return found | {"attention_resolutions": ",".join(map(str, its["attention"]))} | FIXED


def purifier(method, path, ours):
    """The purifier of `method` ("ddpm", "sde" or "dda") with the weights and steps of `ours`, ours of the same method."""
    arch = architecture(ours.settings.weights, ours.settings.resolution)
    return dda(path, ours, arch) if method == "dda" else diffpure(method, path, ours, arch)


def dda(path, ours, arch):
    """The loop of image_adapt/scripts/image_sample.py."""
    util = load(path, "image_adapt.guided_diffusion.script_util")
    respaced = {"timestep_respacing": str(len(ours.schedule.betas))}
    model, diffusion = util.create_model_and_diffusion(**util.model_and_diffusion_defaults() | arch | respaced)
    model.load_state_dict(ours.network.state_dict())
    model.eval()  # its parameters keep their gradients, as published
    steps = {"N": ours.start, "D": 4, "scale": ours.settings.guidance_scale}

    def purify(x, generators):
        with same_draws(generators):
            return diffusion.p_sample_loop(
                model, tuple(x.shape), noise=x, model_kwargs={"ref_img": x}, **steps
            ).detach()

    return purify, purify


def diffpure(method, path, ours, arch):
    """The runners diffpure_guided and diffpure_sde."""
    import torch

    unused("score_sde", "score_sde.losses", "score_sde.models", "score_sde.models.utils", "score_sde.models.ema")
    unused("score_sde.sde_lib", "torchsde")
    model = SimpleNamespace(**arch, timestep_respacing="1000", rescale_timesteps=True)
    config = SimpleNamespace(model=model, data=SimpleNamespace(dataset="ImageNet"))
    args = SimpleNamespace(t=ours.T, sample_step=1, log_dir=".", rand_t=False, t_delta=0, use_bm=False)
    args.score_type = "guided_diffusion"
    with tempfile.TemporaryDirectory() as folder:
        here = os.getcwd()
        os.makedirs(os.path.join(folder, os.path.dirname(CHECKPOINT)))
        torch.save(ours.network.state_dict(), os.path.join(folder, CHECKPOINT))
        runner = load(path, "runners.diffpure_guided" if method == "ddpm" else "runners.diffpure_sde")
        os.chdir(folder)  # the runners look there for the weights
        try:
            kind = runner.GuidedDiffusion if method == "ddpm" else runner.RevGuidedDiffusion
            its = kind(args, config, torch.device("cpu")).requires_grad_(False)
        finally:
            os.chdir(here)
    if method == "sde":
        its.rev_vpsde.img_shape = (3, model.image_size, model.image_size)

    def purify(x, generators):
        with torch.no_grad(), same_draws(generators):
            return its.image_editing_sample(x, bs_id=2, tag="untold")  # from the third batch on nothing is written

    return purify, purify if method == "ddpm" else on_our_draws(purify, runner.torchsde, args)


def on_our_draws(purify, torchsde, args):
    """`purify` whose Brownian motion draws each image's steps from its own generator, as ours do."""
    import torch

    class Motion(torchsde.BaseBrownian):
        def __init__(self, size, **_):
            self.size = size

        def __call__(self, ta, tb=None, return_U=False, return_A=False):
            return (torch.as_tensor(tb) - torch.as_tensor(ta)).sqrt() * torch.randn(*self.size)

        def __repr__(self):
            return f"Motion({self.size})"

        dtype, device = torch.float32, torch.device("cpu")
        shape = property(lambda self: torch.Size(self.size))
        levy_area_approximation = "none"

    def run(x, generators):
        torchsde.BrownianInterval, args.use_bm = Motion, True
        return purify(x, generators)

    return run
