"""Published weights, and archives of datasets: a name becomes a verified local file.

`cosalpure/assets/sources.csv` names every file with its sources, primary first: `gdrive:ID`, `https://...`,
`hf:OWNER/NAME[@REVISION]` (a whole folder), or a path on this machine. A download is checked against the published
sha256. Where none is published, its kind, size and content are checked, and then its sha256 is recorded beside it
(FILE.sha256, which `sha256sum -c` reads too). Commit those records, and every machine gets the same bytes.

    from cosalpure.weights import fetch, read_sources
    path = fetch(read_sources()["gicd-ginet"], "weights")

`sources` reads that table, `addresses` knows the kinds of addresses, `downloads` brings one, `checks` compares a file
with its row of the table, `contents` looks into a file, and `fetching` puts them together.
"""

from cosalpure.weights.addresses import SCHEMES, check_address, hub_hint, page
from cosalpure.weights.checks import sha256_lines, verify
from cosalpure.weights.downloads import hub_folder
from cosalpure.weights.fetching import OFFLINE, advice, fetch, listing, state
from cosalpure.weights.sources import COLUMNS, SOURCES, Source, missing_text, read_sources

__all__ = [
    "COLUMNS",
    "OFFLINE",
    "SCHEMES",
    "SOURCES",
    "Source",
    "advice",
    "check_address",
    "fetch",
    "hub_folder",
    "hub_hint",
    "listing",
    "missing_text",
    "page",
    "read_sources",
    "sha256_lines",
    "state",
    "verify",
]
