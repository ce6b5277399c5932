"""The four published datasets: what is known of them before any file of theirs is there.

Counts as the official README of CosalPure and those of the datasets state them. Every name is a row of
`cosalpure/assets/sources.csv` too, which says where the archive comes from.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedSet:
    """A published dataset: its title, and how many groups and images it must have."""

    title: str
    groups: int
    images: int


PUBLISHED = {  # by the name of their source in a configuration; folders of any spelling of it are recognised
    "cosal2015": PublishedSet("Cosal2015", 50, 2015),
    "icoseg": PublishedSet("iCoseg", 38, 643),
    "cosod3k": PublishedSet("CoSOD3k", 160, 3316),
    "coca": PublishedSet("CoCA", 80, 1295),
}
