"""Tables: the paper's Tables 1 and 2 and their paired differences, from the score files.

    scores = read_scores(paths)
    write_table(build_table1(scores, degradation="jadena"), "results/tables/table1")  # .parquet .csv .md .tex

Import from `cosalpure.tables.build` and `cosalpure.tables.write`; this file stays empty of pandas.
"""
