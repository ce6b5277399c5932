"""Tables: the paper's Tables 1 to 4 and their paired differences, from the score files.

    scores = read_scores(paths)
    write_table(build_table1(scores, degradation="jadena"), "results/tables/table1")  # .parquet .csv .md .tex

Import from `cosalpure.tables.build` and `cosalpure.tables.write`; this file stays empty of pandas.
A condition here is a tuple (dataset, degradation, purifier, detector).
"""

from cosalpure.seeds import split_repeat

NAMES = ("table1", "table2", "table3", "table4", "differences", "degradations", "seeds")
CLEAN = ("none", "source_only")  # (degradation, purifier) of the reference without any attack
ABLATION = ("source_only", "cosalpure_no_inversion", "cosalpure_none_concept", "cosalpure")  # Table 3, its order
BLUR = "motion_blur"  # Table 4


def has_table3(conditions, degradation):
    """Whether the conditions hold two rows of Table 3, one of them an ablated one."""
    run = {condition[2] for condition in conditions if condition[1] == degradation}
    return len(run & set(ABLATION)) > 1 and bool(run & set(ABLATION[1:3]))


def has_table4(conditions):
    """Whether the conditions hold anything under motion blur."""
    return any(condition[1] == BLUR for condition in conditions)


def has_seeds(conditions, degradation):
    """Whether the conditions repeat the degradation under a further seed."""
    return any(split_repeat(condition[1])[0] == degradation != condition[1] for condition in conditions)


def table_names(conditions, degradation):
    """The tables that the conditions have something for: 3, 4 and seeds only where it was run."""
    absent = {
        "table3": not has_table3(conditions, degradation),
        "table4": not has_table4(conditions),
        "seeds": not has_seeds(conditions, degradation),
    }
    return [name for name in NAMES if not absent.get(name)]


def conditions_of(table, conditions, degradation):
    """Those of the conditions whose scores a table is made of, in their order."""
    first = [its for its in conditions if split_repeat(its[1])[1] is None]
    if table == "degradations":
        purifiers = list(dict.fromkeys(its[2] for its in first))
        chosen = CLEAN[1] if CLEAN[1] in purifiers else purifiers[0]
        return [its for its in first if its[2] == chosen]
    if table == "seeds":
        return [its for its in conditions if split_repeat(its[1])[0] == degradation]
    wanted = BLUR if table == "table4" else degradation
    found = [its for its in first if its[1] == wanted or its[1:3] == CLEAN]
    return [its for its in found if its[2] in ABLATION] if table == "table3" else found
