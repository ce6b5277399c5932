"""The file of an entry's image scores: a row for each image of each condition, from which its numbers follow.

Beside the scores stand the hashes of the original and of the degraded image, so that the version of the data and what was
attacked can be checked without any image.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosalpure.data import NAME, read_manifest
from cosalpure.errors import UserError
from cosalpure.experiment.layout import DEPTH, KEYS, Layout
from cosalpure.io import whole_file
from cosalpure.tables import Condition

if TYPE_CHECKING:
    import pandas as pd

IMAGE = ("group", "slug", "index", "file", "attacked")
METRICS = ("iou", "success", "ap", "f_beta", "mae", "linf")
HASHES = ("sha256", "degraded_sha256")  # of the original, and of the degraded image; empty if unknown
COLUMNS = (*KEYS, *IMAGE, "status", *METRICS, *HASHES, "left_out")
TEXTS = [*KEYS, "group", "slug", "file", "status", *HASHES]
KINDS = {"index": "int64", "left_out": "int64", "attacked": "bool", **dict.fromkeys(METRICS, "float64")}
NAMES = (*KEYS, "slug", "file")  # that become parts of a path
PRINTABLE = re.compile(r".{0,255}")
MOST_BYTES = 64_000_000  # of the file
MOST_UNPACKED = 1_000_000_000
MOST_ROWS = 500_000  # a run of the paper's size has half of them
LONGEST = 1000  # bytes of a text


def collect(layout: Layout, conditions: Sequence[Condition]) -> "pd.DataFrame":
    """Read the score rows of conditions and add the hashes of their images, with the columns `COLUMNS`."""
    from cosalpure.tables.build import read_scores

    rows = read_scores([layout.score(*its) for its in conditions])
    datasets = list(dict.fromkeys(its[0] for its in conditions))
    originals = {(its, *key): value for its in datasets for key, value in _originals(layout, its).items()}
    blocks = list(dict.fromkeys(its[: DEPTH["degrade"]] for its in conditions))
    degraded = {(*its, *key): value for its in blocks for key, value in _degraded(layout, *its).items()}
    images = rows[["dataset", "degradation", "slug", "file"]].itertuples(index=False, name=None)
    found = [(originals.get((d, *image), ""), degraded.get((d, its, *image), "")) for d, its, *image in images]
    rows["sha256"], rows["degraded_sha256"] = zip(*found, strict=True)
    return rows[list(COLUMNS)]


def _originals(layout: Layout, dataset: str) -> dict[tuple[str, str], str]:
    rows = read_manifest(layout.stage("data", dataset))
    return dict(zip(zip(rows["slug"], rows["file"], strict=True), rows["sha256"], strict=True))


def _degraded(layout: Layout, dataset: str, degradation: str) -> dict[tuple[str, str], str]:
    """Read the hashes that the jobs of a degradation left; none where their records are gone."""
    import pandas as pd

    files = sorted(Path(layout.shard_folder("degrade", dataset, degradation)).glob("*.parquet"))
    shards = [pd.read_parquet(file, columns=["slug", "file", "sha256"]) for file in files]
    return {(slug, file): value for its in shards for slug, file, value in its.itertuples(index=False, name=None)}


def manifest_hash(rows: "pd.DataFrame") -> str:
    """Hash a manifest: groups, files, their order, contents, and which are attacked.

    Args:
        rows: a row an image, with the columns slug, index, file, sha256 and attacked.
    """
    columns = rows.sort_values(["slug", "index", "file"])[["slug", "index", "file", "sha256", "attacked"]]
    lines = ["\t".join(map(str, row)) for row in columns.itertuples(index=False, name=None)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write(rows: "pd.DataFrame", path: Path) -> None:
    """Write the rows as a compressed Parquet file; numbers by their bytes, which takes a quarter less."""
    numbers = list(METRICS)
    others = [column for column in rows if column not in numbers]
    how: dict[str, Any] = {"compression_level": 19, "use_dictionary": others, "use_byte_stream_split": numbers}
    with whole_file(path) as temporary:
        rows.to_parquet(temporary, index=False, compression="zstd", **how)


def read(path: Path) -> "pd.DataFrame":
    """Read the rows of a file from outside; its size is looked at first."""
    import pyarrow
    import pyarrow.parquet

    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path}: larger than {MOST_BYTES:,} bytes")
        about = pyarrow.parquet.read_metadata(path)
        unpacked = sum(about.row_group(number).total_byte_size for number in range(about.num_row_groups))
        if about.num_rows > MOST_ROWS or unpacked > MOST_UNPACKED:
            raise UserError(f"{path}: more than {MOST_ROWS:,} rows or {MOST_UNPACKED:,} bytes")
        table = pyarrow.parquet.read_table(path, read_dictionary=TEXTS)
        rows: pd.DataFrame = _short_texts(table, path).to_pandas()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise UserError(f"{path}: not a readable Parquet file ({' '.join(str(error).split())[:100]})") from None
    _check_columns(rows, path)
    return rows


def _short_texts(table: Any, path: Path) -> Any:
    """Write out the texts of a table, which are read as numbers of their different values: a long one would fill the memory."""
    import pyarrow

    for number, name in enumerate(table.column_names):
        column = table.column(number)
        if not pyarrow.types.is_dictionary(column.type):
            continue
        for chunk in column.chunks:
            if any(len(text.as_buffer() or b"") > LONGEST for text in chunk.dictionary):
                raise UserError(f"{path}: columns.{name}: a text of more than {LONGEST} bytes")
        table = table.set_column(number, name, column.cast(pyarrow.string()))
    return table


def _check_columns(rows: "pd.DataFrame", path: Path) -> None:
    if list(rows.columns) != list(COLUMNS):
        odd = sorted(set(rows.columns) ^ set(COLUMNS))
        raise UserError(
            f"{path}: columns: expected {', '.join(COLUMNS)}; missing or unknown: {', '.join(map(str, odd))}"
        )
    for name, kind in KINDS.items():
        if str(rows[name].dtype) != kind:
            raise UserError(f"{path}: columns.{name}: expected {kind}, found {rows[name].dtype}")
    for name in TEXTS:
        if not rows[name].map(lambda value: isinstance(value, str)).all():
            raise UserError(f"{path}: columns.{name}: expected texts in all rows")
        form = NAME if name in NAMES else PRINTABLE
        odd = [value for value in rows[name].unique() if not (form.fullmatch(value) and value.isprintable())]
        if odd:
            raise UserError(f"{path}: columns.{name}: not a name, {odd[0]!r}")


def conditions(rows: "pd.DataFrame") -> Iterable[Condition]:
    """List the conditions of the rows, in their order."""
    from cosalpure.tables.build import conditions_in

    return conditions_in(rows)
