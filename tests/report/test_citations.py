"""Citations: every method has its reference or is our own, and every reference can be read."""

import re
from pathlib import Path

import pytest

import cosalpure
from cosalpure.methods import METHODS
from cosalpure.record import Record
from cosalpure.registry import Method
from cosalpure.report import citations

FIELDS = {"title", "author", "year"}
PLACE = {"inproceedings": "booktitle", "article": "journal"}
OWN = {"none", "random_noise", "random_exposure", "jpeg", "blur", "resize", "source_only", "vae_round_trip"}
REFERENCES = citations.references()


def test_every_entry_of_the_file_is_read():
    text = (Path(cosalpure.__file__).parent / "assets/references.bib").read_text()
    assert len(REFERENCES) == text.count("@") >= 10
    assert "\n\n".join(REFERENCES.values()) + "\n" == text, "nothing lies between the entries"


@pytest.mark.parametrize("key", REFERENCES)
def test_an_entry_is_whole(key):
    entry = REFERENCES[key]
    kind, its_key = re.match(r"@(\w+)\{(\w+),\n", entry).groups()
    assert its_key == key and entry.count("{") == entry.count("}")
    fields = dict(re.findall(r"^  (\w+) = \{(.+)\},?$", entry, re.M))
    assert set(fields) == FIELDS | {PLACE[kind]} and re.fullmatch(r"\d{4}", fields["year"])
    assert all(re.fullmatch(r"[^,]+, [^,]+", name) for name in fields["author"].split(" and "))


def test_every_method_has_its_reference_or_is_our_own():
    methods = [its for registry in METHODS.values() for its in registry.builtin.items()]
    assert {name for name, its in methods if not its.cite} == OWN
    assert {key for _, its in methods for key in its.cite} == set(REFERENCES), "cited and there"


def test_only_what_was_run_is_cited_and_the_benchmark_always():
    own = {"degradations": ["none"], "purifiers": ["source_only"]}
    assert re.findall(r"@\w+\{(\w+)", citations.bibtex(own)) == ["zhu2024cosalpure"]
    run = {"degradations": ["fog", "snow"], "purifiers": ["cosalpure"], "detectors": ["gicd"]}
    found = re.findall(r"@\w+\{(\w+)", citations.bibtex(run))
    expected = ["zhu2024cosalpure", "zhang2020gicd", "gal2023textual", "chen2021liif", "hendrycks2019imagenetc"]
    assert found == expected


def test_the_method_behind_an_entry_is_found():
    config = {
        "purifiers": {"mine": {"like": "other"}, "other": {"method": "cosalpure"}, "dda": None},
        "degradations": {"jadena": {}},
    }
    names = {"degradations": ["jadena"], "purifiers": ["mine", "dda"], "detectors": ["gicd"]}
    assert citations.methods_run(names, [], config) == {
        "degradations": {"jadena": "jadena"},
        "purifiers": {"mine": "cosalpure", "dda": "dda"},
        "detectors": {"gicd": "gicd"},
    }


def test_without_a_configuration_the_records_of_the_jobs_tell_the_methods():
    names = {"degradations": ["full.mine.gicd"], "purifiers": ["mine"], "detectors": ["gicd"]}
    records = [
        Record("degrade", ("mini", "full.mine.gicd"), method="pgd"),
        Record("purify", ("mini", "full.mine.gicd", "mine"), method="cosalpure"),
        Record("data", ("mini",)),
    ]
    assert citations.methods_run(names, records, {}) == {
        "degradations": {"full.mine.gicd": "pgd"},
        "purifiers": {"mine": "cosalpure"},
        "detectors": {"gicd": "gicd"},
    }


def test_a_plug_ins_own_entry_stands_at_the_end(monkeypatch):
    monkeypatch.setitem(METHODS["detectors"].builtin, "mine", Method(object, bibtex="@misc{mine2026}\n"))
    assert citations.bibtex({"detectors": ["gicd", "mine"]}).endswith("\n\n@misc{mine2026}")


def test_an_attack_on_one_pair_is_found_by_the_entry_that_it_is_made_from():
    entries = {"full": {"method": "pgd"}, "mine": {"like": "full"}, "pgd": {}}
    names = ["full.cosalpure.gicd", "mine.gicd", "pgd.cosalpure.gicd.seed7"]
    assert [citations.method_of(entries, name) for name in names] == ["pgd"] * 3
    assert citations.method_of(entries, "other.thing") == "other.thing"
