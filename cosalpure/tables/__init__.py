"""Tables: the paper's Tables 1 to 4 and their paired differences, from the score files.

    scores = read_scores(paths)
    write_table(build_table1(scores, degradation="jadena"), "results/tables/table1")  # .parquet .csv .md .tex

Import from `cosalpure.tables.build` and `cosalpure.tables.write`; this file stays empty of pandas.
"""

NAMES = ("table1", "table2", "table3", "table4", "differences", "degradations")
ABLATION = ("source_only", "cosalpure_no_inversion", "cosalpure_none_concept", "cosalpure")  # Table 3, its order
BLUR = "motion_blur"  # Table 4


def has_table3(conditions, degradation):
    """Whether (dataset, degradation, purifier, detector)s hold two rows of Table 3, one of them an ablated one."""
    run = {condition[2] for condition in conditions if condition[1] == degradation}
    return len(run & set(ABLATION)) > 1 and bool(run & set(ABLATION[1:3]))


def has_table4(conditions):
    """Whether (dataset, degradation, purifier, detector)s hold anything under motion blur."""
    return any(condition[1] == BLUR for condition in conditions)


def table_names(conditions, degradation):
    """The tables that (dataset, degradation, purifier, detector)s have something for: 3 and 4 only where it was run."""
    absent = {"table3": not has_table3(conditions, degradation), "table4": not has_table4(conditions)}
    return [name for name in NAMES if not absent.get(name)]
