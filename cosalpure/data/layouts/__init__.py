"""Where the images of a dataset lie: any published layout, or a plain folder of photos, as groups of pairs.

    Image/<group>/*.jpg beside GroundTruth/<group>/*.png        or GT; image and binary; img and gt; images and gts; ...
    <Set>/Image/<group>/..., images/<Set>/<group>/...           one wrapping folder, or several sets in one place
    <group>/*.jpg, <group>/*_mask.png                           every mask beside its image
    <group>/*.jpg                                               no ground truth
    *.jpg                                                       one group

Only names are looked at here, so counting groups is quick. Formats and upper case may be mixed. A ground truth has its
image's name, with another extension or none of its own (`a.png` or `a.jpg.png` for `a.jpg`), or a word for masks added to
it (`a_mask.png`). Whatever else lies there is a problem by name, save for what operating systems leave and documents. Any
other layout is said by patterns (`by_pattern`).

`names` says what a name means, `folders` what a folder holds, `recognise` which layout it is, `pairs` which ground truth
is whose, `overlooked` what is not read, and `groups` lists the groups from all of that.
"""

from cosalpure.data.layouts.found import Found, count_text
from cosalpure.data.layouts.groups import count_groups, find_groups, fingerprint, groups_of, has_truth, not_matched
from cosalpure.data.layouts.names import SUFFIXES, base_name, is_strange, shown
from cosalpure.data.layouts.overlooked import APART
from cosalpure.data.layouts.pairs import Photo, match

__all__ = [
    "APART",
    "SUFFIXES",
    "Found",
    "Photo",
    "base_name",
    "count_groups",
    "count_text",
    "find_groups",
    "fingerprint",
    "groups_of",
    "has_truth",
    "is_strange",
    "match",
    "not_matched",
    "shown",
]
