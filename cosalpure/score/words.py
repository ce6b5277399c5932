"""Metrics of learned concepts: no image has a value, and a group has one (`cosalpure.concept.words`)."""

from cosalpure.score.metrics import Metric

_SOURCE = "this benchmark; textual inversion's words as in Gal et al., ICLR 2023"
WORD_METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "word_rank",
            "word rank",
            "rank of the group's own word by distance from the learned concept",
            (1, 1e6),
            False,
            _SOURCE,
        ),
        Metric(
            "own_word",
            "own word",
            "1 where the group's own word is the nearest one to the learned concept",
            (0, 1),
            True,
            _SOURCE,
        ),
    )
}
