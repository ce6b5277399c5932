"""Parquet files that a command is given: what is wrong with one is a line that names it."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cosalpure.errors import UserError, one_line

if TYPE_CHECKING:
    import pandas as pd


def read_parquet(path: str | Path, needed: Iterable[str] = (), what: str = "Parquet file") -> "pd.DataFrame":
    """Read a Parquet file with all its columns, of which `needed` must be there; `what` names it in messages.

    Raises:
        UserError: if it is no Parquet file, or lacks a column.
    """
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises nearly anything on damaged files
        raise UserError(f"{path}: not a readable {what} ({one_line(error, 200)})") from None
    if lacking := [name for name in needed if name not in table]:
        raise UserError(f"{path}: it lacks the columns {', '.join(lacking)}")
    return table
