"""The page ranks what may be compared, shows its controls, and holds texts from outside as texts."""

import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from cosalpure.leaderboard import board, page
from cosalpure.leaderboard.entry import Entry, read_entry
from cosalpure.leaderboard.versions import EDITIONS

ROOT = Path(__file__).resolve().parents[2]
EVIL = "<script>alert('x')</script>\"&"


CONTROLS = ["Clean", "Source-Only", "JPEG", "VAE round trip"]


@pytest.fixture(scope="module")
def own():
    """The project's entries on mini."""
    found = [read_entry(file) for file in sorted((ROOT / "leaderboard").glob("*/*.json"))]
    return [its for its in found if its.stem == its.entry]


def changed(its, /, **values):
    """An entry with other values, checked by the schema."""
    return Entry.model_validate(its.model_dump() | values)


def purifier(own, name="cosalpure"):
    return next(its for its in own if its.entry == name)


def older(entry, name):
    data = {key: its.model_dump() | {"manifest_sha256": "0" * 64} for key, its in entry.data.items()}
    return changed(entry, entry=name, data=data)


def test_tables_hold_one_version_each(own):
    tables = board.boards([*own, older(purifier(own), "old"), changed(purifier(own), entry="m", metric_version=2)])
    for its in tables:
        versions = {
            (one.entry.data["mini"].manifest_sha256, one.entry.metric_version) for one in (*its.lines, *its.controls)
        }
        assert versions == {(its.key.manifest, its.key.metric_version)}
    present = [its.present for its in tables]
    assert present == sorted(present, reverse=True) and present.count(False) == 6
    assert all(its.key.manifest == EDITIONS[0].manifests[-1] for its in tables if its.present)
    text = page.render([*own, older(purifier(own), "old")])
    assert text.index('id="earlier"') > text.index(EDITIONS[0].manifests[-1][:12])
    assert text.index("data 000000000000") > text.index('id="earlier"')


def test_competitors_are_ranked_and_controls_are_there_but_not_ranked(own):
    for its in board.boards(own):
        values = [one.metrics.sr.avg.value for one in its.lines]
        controls = [one.its.role for one in its.controls]
        if its.key.track == "purifier":
            assert values == sorted(values, reverse=True) and its.lines[0].rank == 1 and len(values) == 11
            assert controls == ["ceiling", "floor", "control", "control"]
            assert [one.is_own for one in its.controls] == [False, True, True, True]
        elif its.key.track == "detector":
            assert [one.rank for one in its.lines] == [1, 2, 3, 4, 5] and controls == ["ceiling"] * 5
        else:
            assert all(one.rank == 1 for one in its.lines), "one attack, five purifiers"
            assert its.lines[0].its.purifier == "source_only" and controls == ["ceiling"]
        assert all(one.rank is None for one in its.controls)


def test_one_entry_alone_has_its_controls_too(own):
    its = board.boards([purifier(own)])[0]
    assert [one.name for one in its.controls] == CONTROLS
    assert [one.scaled for one in its.controls][:2] == [1.0, 0.0]


def test_attacks_are_ranked_under_the_same_purifier(own):
    (attack,) = [its for its in own if its.track == "attack"]
    values = attack.model_dump()
    for one in values["measured"]:
        one["metrics"]["sr"]["avg"]["value"] -= 0.01
        one["degradation"] = one["degradation"].replace("jadena", "stronger")
    stronger = changed(attack, entry="stronger", name="Stronger", measured=values["measured"])
    its = board.boards([attack, stronger])[0]
    found = [(one.its.purifier, one.name, one.rank) for one in its.lines]
    assert found[:2] == [("source_only", "Stronger", 1), ("source_only", "Jadena", 2)]
    assert found[2:4] == [("vae_round_trip", "Stronger", 1), ("vae_round_trip", "Jadena", 2)] and len(found) == 10


def test_equal_scores_share_a_rank_and_a_missing_one_has_none(own):
    twin = changed(purifier(own), entry="twin", name="Twin")
    values = purifier(own).model_dump()
    for one in values["measured"]:
        one["metrics"]["sr"]["avg"]["value"] = None
    missing = changed(purifier(own), entry="zero", name="Zero", measured=values["measured"])
    its = board.boards([purifier(own), twin, missing])[0]
    assert [one.rank for one in its.lines] == [1, 1, None]


def test_reported_and_adaptive_results_stand_beside_what_was_measured(own):
    claim = {
        **{"source": "Table 1", "dataset": "mini", "degradation": "Jadena", "purifier": "x", "detector": "GICD"},
        **{"metric": "sr", "value": 0.9},
    }
    worse = {
        **{"dataset": "mini", "detector": "gicd", "attack": "PGD", "steps": 9, "gradient": "full", "sr": 0.2},
        "by": "B",
    }
    entry = changed(purifier(own), claimed=[claim], adaptive=[worse | {"sr": 0.4}, worse])
    (its,) = [one for one in board.boards([entry]) if one.key.detector == "gicd"]
    assert (its.lines[0].reported, its.lines[0].adaptive.sr) == (0.9, 0.2)
    assert [(one.reported, one.adaptive) for one in its.controls] == [(None, None)] * len(CONTROLS)
    found = {(one.entry.entry, *one.names): one for one in board.reported_only(own)}
    line = found["cosalpure", "Cosal2015", "Jadena", "CosalPure", "GICD"]
    assert line.values["sr", "avg"] == 0.5602
    assert line.sources == ["CosalPure paper, Table 1", "CosalPure paper, Table 2"]
    assert not board.reported_only([entry])


def test_texts_from_outside_are_escaped(own):
    entry = changed(
        purifier(own),
        name=EVIL,
        authors=[EVIL],
        venue=EVIL,
        licence=EVIL,
        bibtex=EVIL,
        link="https://a.org/?a=1&b='"[:-1],
    )
    text = page.render([entry])
    assert "<script>alert" not in text and text.count("<script>") == 1
    assert EVIL in unescape(text) and 'href="https://a.org/?a=1&amp;b="' in text


def test_nothing_is_requested(own):
    text = page.render(own)
    assert "default-src 'none'" in text and not re.search(r"<(link|img|iframe|script src)|url\(|@import", text)
    links = set(re.findall(r'href="([^"]*)"', text))
    assert all(re.match(r"#|https?://|entries/", link) for link in links)
    ids = set(re.findall(r'id="([^"]*)"', text))
    assert {link[1:] for link in links if link.startswith("#")} <= ids


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("Chromium is not installed; apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.mark.slow
def test_a_reader_sorts_and_filters_by_keyboard(own, browser, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    (tmp_path / "index.html").write_text(page.render(own))
    browser.set_window_size(1440, 900)
    browser.get((tmp_path / "index.html").as_uri())
    tables = browser.find_elements(By.CSS_SELECTOR, "section.board")
    shown = lambda: [its for its in tables if its.is_displayed()]  # noqa: E731
    assert len(shown()) == 7
    (mae,) = [its for its in tables[0].find_elements(By.CSS_SELECTOR, "thead button") if its.text == "MAE"]
    mae.send_keys("\n")
    names = [its.text.splitlines()[0] for its in tables[0].find_elements(By.CSS_SELECTOR, "tbody th")]
    assert names[11:] == CONTROLS, "controls stay below"
    column = [its.text for its in tables[0].find_elements(By.CSS_SELECTOR, "tbody:not(.controls) td:nth-child(10)")]
    assert column == sorted(column)
    Select(browser.find_element(By.NAME, "track")).select_by_value("purifier")
    Select(browser.find_element(By.NAME, "detector")).select_by_value("gicd")
    assert [its.find_element(By.TAG_NAME, "h3").text for its in shown()] == [
        "Purifiers on mini: degradation jadena, detector GICD"
    ]
    assert browser.find_element(By.ID, "shown").text == "1 table shown"
    tables[1].find_element(By.CSS_SELECTOR, "tbody a").send_keys("\n")
    assert [its.get_attribute("open") for its in browser.find_elements(By.CSS_SELECTOR, "details[open]")] == ["true"]
    for width in (1440, 500):
        browser.set_window_size(width, 900)
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth"), width
    assert browser.get_log("browser") == []


def test_the_same_method_on_two_sizes_stands_in_two_tables(own):
    """Its rows have tables of their own, and both its entries a place and files of their own."""
    small, edition = purifier(own), EDITIONS[1]
    data = {key: its.model_dump() | {"manifest_sha256": edition.manifests[-1]} for key, its in small.data.items()}
    large = changed(small, data=data)
    assert (small.stem, large.stem) == ("cosalpure", "cosalpure.mini-large")
    tables = board.boards([small, large])
    assert {(its.edition, its.present) for its in tables} == {("mini", True), ("mini-large", True)}
    assert all(len(its.lines) == 1 for its in tables) and any("on mini-large:" in its.title for its in tables)
    text = page.render([small, large])
    for stem in ("cosalpure", "cosalpure.mini-large"):
        assert text.count(f'id="purifier-{stem}"') == 1 and f'href="entries/purifier/{stem}.json"' in text
    assert '<option value="mini-large">' in text
