"""tsingqguo/jadena: the attack of example.py, its "augment" variant with the settings of that file."""

from originals import load, unused


def attacker(path, surrogate):
    """`attack(images)`, (N, 3, S, S) in [0, 1] -> attacked images, each attacked by itself; `surrogate` gives feature maps."""
    import torch

    unused("pytorchcv", "pytorchcv.model_provider")
    lib = load(path, "lib")
    sizes = {"noise_lr": 1 / 255, "bias_lr": 0.1, "spatial_lr": 0.01}
    weights = {"lambda_b": 0.01, "lambda_s": 0.01, "momentum_decay": 1.0, "epsilon_n": 16 / 255}
    modes = {"noise_mode": "add", "bias_mode": "same", "spatial_mode": "optical_flow"}
    attack = lib.BiasFieldAttack(surrogate, lib.fcon_criterion, step=20, degree=10, **modes, **sizes, **weights)
    return lambda images: torch.cat([attack(torch.stack(lib.augment(image)))[0][:1].detach() for image in images])
