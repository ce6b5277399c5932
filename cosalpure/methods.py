"""All methods of a benchmark, by the family of entries that may name them."""

from typing import Literal, get_args

from cosalpure.degrade import DEGRADATIONS
from cosalpure.detect import DETECTORS
from cosalpure.purify import PURIFIERS
from cosalpure.registry import Registry

Family = Literal["degradations", "purifiers", "detectors"]
FAMILIES: tuple[Family, ...] = get_args(Family)
METHODS: dict[Family, Registry] = {"degradations": DEGRADATIONS, "purifiers": PURIFIERS, "detectors": DETECTORS}
