"""An oracle: a detector that is given the ground truth and shows which scores are the best that there can be."""

from pydantic import Field
from torch.nn.functional import avg_pool2d

from cosalpure.schema import Model


class Oracle:
    class Settings(Model):
        radius: int = Field(0, ge=0, description="px to each side over which the ground truth is averaged; 0: none")

    label = "oracle"
    needs = ["ground_truth"]

    def __init__(self, settings):
        self.radius = settings.radius

    def __call__(self, images, given):  # given.ground_truth: (N, 1, H, W), 0 or 1
        side = 2 * self.radius + 1
        return avg_pool2d(given.ground_truth, side, stride=1, padding=self.radius, count_include_pad=False)
