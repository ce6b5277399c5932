"""Old command names do what the present ones do, and print one hint on standard error."""

import pytest

from cosalpure.cli import main
from cosalpure.cli.renamed import current

OLD = {
    "complete a.parquet --output b": "tables check a.parquet --output b",
    "compare a b --metric iou mae": "tables compare a b --metric iou mae",
    "show": "tables show",
    "gate model --recogniser r --output o": "train check model --recogniser r --output o",
    "tables a.parquet --only scores --output b": "tables build a.parquet --only scores --output b",
    "tables --only scores --output b a.parquet": "tables build --only scores --output b a.parquet",
}
PRESENT = ["tables build a.parquet", "tables check a", "tables --help", "tables", "train gicd", "check", "--help", ""]


@pytest.mark.parametrize("old", OLD)
def test_an_old_name_is_replaced_with_one_hint(old, capsys):
    assert current(old.split()) == OLD[old].split()
    (hint,) = capsys.readouterr().err.splitlines()
    assert hint.startswith(f"cosalpure: `cosalpure {old.split()[0]}` is now")
    assert f"`cosalpure {' '.join(OLD[old].split()[:2])}`" in hint


@pytest.mark.parametrize("present", PRESENT)
def test_a_present_name_stays_without_a_hint(present, capsys):
    assert current(present.split()) == present.split()
    assert capsys.readouterr().err == ""


def test_the_old_command_runs(tmp_path, capsys):
    (tmp_path / "table.md").write_text("| a |\n")
    for name in (["show"], ["tables", "show"]):
        assert main([*name, str(tmp_path / "table.md")]) == 0
    printed = capsys.readouterr()
    assert printed.out == "| a |\n" * 2 and len(printed.err.splitlines()) == 1
