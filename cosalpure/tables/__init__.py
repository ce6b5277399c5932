"""Tables: the paper's Tables 1 to 4 and their paired differences, from the score files.

    scores = read_scores(paths)
    write_table(build_table1(scores, degradation="jadena"), "results/tables/table1")  # .parquet .csv .md .tex

Import from `cosalpure.tables.build` and `cosalpure.tables.write`; this file stays empty of pandas.
A condition here is a tuple (dataset, degradation, purifier, detector). What a row is for is its entry's role, never its
name (`cosalpure.labels`).
"""

from cosalpure.labels import Entries
from cosalpure.seeds import split_repeat

NAMES = ("table1", "table2", "table3", "table4", "differences", "degradations", "seeds")
ABLATED = ("reference", "ablation", "ours")  # roles of Table 3's rows

Condition = tuple[str, str, str, str]


def ablated(conditions: list[Condition], degradation: str, entries: Entries) -> list[str]:
    """List the purifiers of Table 3, in order; empty unless an ablated one stands beside another."""
    run = dict.fromkeys(condition[2] for condition in conditions if condition[1] == degradation)
    found = [name for name in run if entries.role("purifiers", name) in ABLATED]
    any_ablation = any(entries.role("purifiers", name) == "ablation" for name in found)
    return found if any_ablation and len(found) > 1 else []


def table4_degradation(conditions: list[Condition], entries: Entries) -> str | None:
    """Find the degradation that reproduces the paper's Table 4; None if it is not run."""
    run = dict.fromkeys(condition[1] for condition in conditions if split_repeat(condition[1])[1] is None)
    return next((name for name in run if entries.reported("degradations", name, "table4")), None)


def has_seeds(conditions: list[Condition], degradation: str) -> bool:
    """Tell whether the conditions repeat the degradation under a further seed."""
    return any(split_repeat(condition[1])[0] == degradation != condition[1] for condition in conditions)


def table_names(conditions: list[Condition], degradation: str, entries: Entries) -> list[str]:
    """List the tables that the conditions have something for: 3, 4 and seeds only where it was run."""
    absent = {
        "table3": not ablated(conditions, degradation, entries),
        "table4": table4_degradation(conditions, entries) is None,
        "differences": not difference_pairs(conditions, degradation, entries),
        "seeds": not has_seeds(conditions, degradation),
    }
    return [name for name in NAMES if not absent.get(name)]


def conditions_of(table: str, conditions: list[Condition], degradation: str, entries: Entries) -> list[Condition]:
    """Select those of the conditions whose scores a table is made of, in their order."""
    first = [its for its in conditions if split_repeat(its[1])[1] is None]
    if table == "degradations":
        chosen = unpurified(first, entries)
        return [its for its in first if its[2] == chosen]
    if table == "seeds":
        return [its for its in conditions if split_repeat(its[1])[0] == degradation]
    wanted = table4_degradation(conditions, entries) if table == "table4" else degradation
    found = [its for its in first if its[1] == wanted or entries.is_clean(*its[1:3])]
    return [its for its in found if its[2] in ablated(first, degradation, entries)] if table == "table3" else found


def unpurified(conditions: list[Condition], entries: Entries) -> str:
    """Find the purifier under which degradations are compared: the reference, else the first one."""
    purifiers = list(dict.fromkeys(its[2] for its in conditions))
    return next((name for name in purifiers if entries.role("purifiers", name) == "reference"), purifiers[0])


def clean_reference(conditions: list[Condition], entries: Entries) -> tuple[str, str] | None:
    """Find (degradation, purifier) of the reference without any degradation; None if it is not run."""
    return next((its[1:3] for its in conditions if entries.is_clean(*its[1:3])), None)


def difference_pairs(conditions: list[Condition], degradation: str, entries: Entries) -> list[tuple]:
    """List the paired differences that a run can show: [((degradation, purifier), the pair taken away), ...].

    They are: the degradation's harm; every purifier against no purification; ours against every other purifier.
    """
    here = list(dict.fromkeys(its[2] for its in conditions if its[1] == degradation))
    clean = clean_reference(conditions, entries)
    alone = [name for name in here if entries.role("purifiers", name) == "reference"][:1]
    pairs = [((degradation, name), clean) for name in alone if clean and clean != (degradation, name)]
    pairs += [((degradation, name), (degradation, none)) for none in alone for name in here if name != none]
    ours = [name for name in here if entries.role("purifiers", name) == "ours"]
    pairs += [
        ((degradation, name), (degradation, other)) for name in ours for other in here if other not in (name, *alone)
    ]
    return pairs
