"""Settings of metrics and of their intervals."""

from typing import Annotated

from pydantic import Field

from cosalpure.schema import Fraction, Model


class Score(Model):
    """The official evaluation's constants, and metrics beside it."""

    threshold: Fraction = Field(0.5, description="a map counts as foreground from here on")
    beta2: Annotated[float, Field(gt=0)] = Field(0.3, description="beta squared of F-beta")
    success_iou: Fraction = Field(0.5, description="an image succeeds above this IoU")
    further: bool = Field(
        False, description="also max, mean and adaptive F and E, S-measure, weighted F; needs the package pysodmetrics"
    )


class Statistics(Model):
    """Intervals by bootstrap over groups: the images of a group are not independent."""

    samples: Annotated[int, Field(ge=100)] = Field(2000, description="bootstrap samples")
    level: Annotated[float, Field(gt=0, lt=1)] = Field(0.95, description="level of the intervals")
