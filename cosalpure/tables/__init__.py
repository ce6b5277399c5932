"""Tables: the paper's Tables 1 to 4, paired differences, degradations and seeds, from the score files.

    scores = read_scores(paths)
    table = build_table(TABLES["table1"], scores, "jadena")
    write_table(table, "results/tables/table1")  # .parquet .csv .md .tex

What a table is stands in `cosalpure.tables.definitions`, once. Import from `cosalpure.tables.build` and
`cosalpure.tables.write`; this file stays empty of pandas.
"""

from cosalpure.tables.definitions import NAMES, SPLITS, TABLES, Split, Table, conditions_of, table_names
from cosalpure.tables.rows import ABLATED, Condition, clean_reference, difference_pairs, table4_degradation

__all__ = [
    "ABLATED",
    "Condition",
    "NAMES",
    "SPLITS",
    "Split",
    "TABLES",
    "Table",
    "clean_reference",
    "conditions_of",
    "difference_pairs",
    "table4_degradation",
    "table_names",
]
