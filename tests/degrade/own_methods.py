"""Methods of one's own that take no time, for attacks: a detector of orange, two without gradients, a purifier in steps."""

import torch

from cosalpure.schema import Model


class Orange:
    """A map of what is more orange than the mean of the group."""

    differentiable = True

    def __init__(self, settings):
        pass

    def __call__(self, images, given=None):
        redness = images[:, :1] - images[:, 2:]
        return (20 * (redness - redness.mean())).sigmoid()


class Undeclared(Orange):
    differentiable = False


class Detached(Orange):
    """A detector that says of itself what it does not keep."""

    @torch.no_grad()
    def __call__(self, images, given=None):
        return super().__call__(images, given)


class Steps:
    """Noise and as many halvings of it as there are steps."""

    class Settings(Model):
        steps: int = 100
        timestep: int = 40

    random = True
    differentiable = True

    def __init__(self, settings):
        self.count = settings.steps * settings.timestep // 1000

    def __call__(self, images, given):
        draws = torch.stack([torch.randn(images.shape[1:], generator=its) for its in given.generators])
        return (images + 0.2 * draws * 0.5**self.count).clamp(0, 1)


class Learned:
    """A purifier with a weight that could still be trained, and a list of how many images it was called with."""

    differentiable = True

    def __init__(self, settings):
        self.weight, self.calls = torch.nn.Parameter(torch.tensor(0.9)), []

    def __call__(self, images, given):
        self.calls.append(len(images))
        return images * self.weight
