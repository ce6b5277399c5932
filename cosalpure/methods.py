"""All methods of a benchmark, by the section of the experiment that names them."""

from cosalpure.degrade import DEGRADATIONS
from cosalpure.detect import DETECTORS
from cosalpure.purify import PURIFIERS

METHODS = {"degradations": DEGRADATIONS, "purifiers": PURIFIERS, "detectors": DETECTORS}
