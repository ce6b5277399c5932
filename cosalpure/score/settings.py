"""Settings of metrics and of their intervals."""

from typing import Annotated

from pydantic import Field

from cosalpure.schema import Fraction, Model

SAMPLES, LEVEL = 2000, 0.95  # of the bootstrap


class Score(Model):
    """Constants of the official evaluation, and further metrics."""

    threshold: Fraction = Field(0.5, description="Value from which a pixel of a map counts as foreground.")
    beta2: Annotated[float, Field(gt=0)] = Field(0.3, description="Beta squared in F-beta.")
    success_iou: Fraction = Field(0.5, description="IoU above which an image counts as a success.")
    further: bool = Field(
        False,
        description="Also compute max, mean and adaptive F and E, S-measure and weighted F. This needs the package pysodmetrics.",
    )


class Statistics(Model):
    """Intervals by bootstrap over groups, since the images of a group are not independent."""

    samples: Annotated[int, Field(ge=100, le=100_000)] = Field(SAMPLES, description="Number of bootstrap samples.")
    level: Annotated[float, Field(gt=0, lt=1)] = Field(LEVEL, description="Confidence level of the intervals.")
