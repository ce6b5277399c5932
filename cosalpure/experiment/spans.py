"""Which groups each job of a stage's entry handles: finished shards stay as they are, the rest is cut anew.

    partition([(0, 2), (4, 6)], count=8, size=4)        [(0, 2), (2, 4), (4, 6), (6, 8)]

A span (start, end) stands for the groups `start` to `end` - 1. On a cluster each job plans again while others finish. It
finds the same spans, since every gap is cut from its start: a chunk that is finished leaves gaps that begin and end where
other chunks do.
"""

from collections.abc import Iterable

Span = tuple[int, int]


def kept(finished: Iterable[Span], count: int) -> list[Span]:
    """Choose among finished shards: in order of their start, the longest first, none that overlaps an earlier one.

    Only shards within the dataset's `count` groups are taken: others are of a dataset that had more.
    """
    chosen: list[Span] = []
    for start, end in sorted(finished, key=lambda span: (span[0], -span[1])):
        if (chosen[-1][1] if chosen else 0) <= start < end <= count:
            chosen.append((start, end))
    return chosen


def partition(finished: Iterable[Span], count: int, size: int) -> list[Span]:
    """Divide `count` groups into the spans of jobs: the finished shards, and what lies between in chunks of `size`."""
    spans: list[Span] = []
    begin = 0
    for start, end in [*kept(finished, count), (count, count)]:
        spans += [(first, min(first + size, start)) for first in range(begin, start, size)]
        spans += [(start, end)] if start < end else []
        begin = end
    return spans
