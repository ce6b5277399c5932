"""The report page: what a reader needs is in it, nothing is fetched, hostile names stay names; and it works in a browser."""

import json
import re
import runpy
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError
from markupsafe import escape
from PIL import Image

from cosalpure.cli import main
from cosalpure.data import COLUMNS
from cosalpure.experiment.layout import Layout
from cosalpure.labels import Entries
from cosalpure.report import gallery, limits, plots, svg, sweep, view
from cosalpure.report import page as report_page
from cosalpure.report.pictures import data_address
from cosalpure.report.view import Cite, Figures, Findings, Page, Plot, Strip, Summary, Tile
from cosalpure.score.settings import Statistics
from cosalpure.tables import stage

HOSTILE = '<img src=x onerror="document.title=1">'
SIDE = 16
GROUPS = {"a": (HOSTILE, 1.0), "b": ("bear", 0.0), "c": ("</script><b>", 0.5)}  # slug: name, IoU cosalpure adds

SWEEP = f"""detector,split,dataset,degradation,x,sr,low,high,images,sr_clean
gicd,adv,mini,weak,4,0.75,0.5,1,6,0.9
gicd,adv,mini,strong,16,0.25,,,6,0.9
"{HOSTILE.replace('"', '""')}",adv,mini,weak,4,0.5,0.25,0.75,6,0.8
gicd,clean,mini,weak,4,,,,0,
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of made-up results: three groups of four images, half attacked; one image failed under cosalpure."""
    folder = tmp_path_factory.mktemp("page")
    results = folder / "results"
    _pictures(results)
    for degradation, purifier in (("none", "source_only"), ("jadena", "source_only"), ("jadena", "cosalpure")):
        _scores(results, degradation, purifier)
        scores = pd.read_parquet(results / f"score/mini/{degradation}/{purifier}/gicd.parquet")
        scores.assign(detector="gcagc").to_parquet(results / f"score/mini/{degradation}/{purifier}/gcagc.parquet")
    score_files = sorted(
        map(str, results.glob("score/**/*.parquet")), key=lambda path: ("cosalpure" in path, "gcagc" in path)
    )
    stage.run(score_files, "jadena", Statistics(samples=100), results / "tables", 0)
    (folder / "logs/purify/mini/jadena/cosalpure").mkdir(parents=True)
    benchmark = "s\th:m:s\tmax_rss\tcpu_time\n12.5\t0:00:12\t321.5\t11\n"
    (folder / "logs/purify/mini/jadena/cosalpure/0000-0003.tsv").write_text(benchmark)
    (results / "report/figures").mkdir(parents=True)
    (results / "report/figures/sweep_strength.csv").write_text(SWEEP)
    sweeps = {"strength": {"setting": "epsilon", "label": f"bound {HOSTILE}"}}
    config = json.dumps({"seed": 7, "purifiers": {"cosalpure": {"prompt": HOSTILE}}, "sweeps": sweeps})
    command = ["report", "page", results, "--configuration", config, "--settings", '{"samples": 100}', "--seed", "0"]
    command += ["--benchmarks", folder / "logs", "--output", folder / "report.html"]
    assert main([str(part) for part in command]) == 0
    return folder / "report.html"


def _pictures(results):
    rows = []
    for slug, (name, _) in GROUPS.items():
        for index in range(4):
            file = f"{index}.png"
            rows.append(("mini", name, slug, index, file, "", index < 2, file, True, 0))
            for place in ("data/mini/images", "data/mini/masks", "degrade/mini/jadena/images"):
                _save(results / place / slug / file)
            for purifier in ("source_only", "cosalpure"):
                if (slug, index, purifier) != ("b", 3, "cosalpure"):
                    _save(results / f"purify/mini/jadena/{purifier}/images" / slug / file)
                    _save(results / f"detect/mini/jadena/{purifier}/gicd/maps" / slug / file)
    (results / "data/mini").mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=list(COLUMNS)).to_parquet(results / "data/mini/manifest.parquet")


def _save(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((SIDE, SIDE), 99, np.uint8)).save(path)


def _scores(results, degradation, purifier):
    rows = []
    for slug, (name, gain) in GROUPS.items():
        for index in range(4):
            failed = (slug, index, purifier) == ("b", 3, "cosalpure")
            iou = {"none": 0.9, "jadena": gain if purifier == "cosalpure" else 0.1}[degradation]
            numbers = dict.fromkeys(("ap", "f_beta", "mae"), iou) | {"iou": iou, "success": float(iou > 0.5)}
            row = {"dataset": "mini", "degradation": degradation, "purifier": purifier, "detector": "gicd"}
            row |= {"group": name, "slug": slug, "index": index, "file": f"{index}.png", "attacked": index < 2}
            row |= {"status": "failed" if failed else "done", "reason": "it burnt" if failed else "", "left_out": 0}
            row |= dict.fromkeys(("psnr", "ssim", "linf", "exposure_change"), 0.5)
            rows.append(row | (dict.fromkeys(numbers, np.nan) if failed else numbers))
    path = results / f"score/mini/{degradation}/{purifier}/gicd.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(path)


@pytest.mark.slow
def test_it_says_what_happened_with_intervals_and_gaps(page):
    text = page.read_text()
    first = text.partition("<h2")[2].partition("<h2")[0].replace("\N{NO-BREAK SPACE}", " ")
    assert (
        "<li>Jadena takes GICD from 100 % to 0 % and GCAGC from 100 % to 0 % on attacked images, beyond chance.</li>"
        in first
    )
    assert "<li>CosalPure gives back 33 points with every detector, not beyond chance.</li>" in first
    assert "3 groups, 12 images, 6 attacked" in first and first.count("<svg") == 1
    assert first.count("data:image/webp") == 5 and first.count("data:image/png") == 5, (
        "a strip without a map of clean images"
    )
    assert "mini/jadena/cosalpure/gicd: 11 of 12 images have a score" in text and "it burnt" in text
    assert "11 of 12" in text.partition("<h2")[2].partition("Gallery")[0], "the tables say n of m too"


@pytest.mark.slow
def test_the_documentation_s_picture_of_the_detectors_is_drawn_from_results(page, tmp_path):
    script = runpy.run_path(str(Path(__file__).resolve().parents[2] / "docs/images/detectors.py"))
    script["draw"](str(page.parent / "results"), tmp_path / "detectors.png")
    with Image.open(tmp_path / "detectors.png") as drawn:
        assert min(drawn.size) > 100


@pytest.mark.slow
def test_detectors_are_compared_without_purification_under_their_backbones(page):
    plot = page.read_text().partition("Every detector, without purification")[2].partition("</svg>")[0]
    assert "GICD (VGG16), unchanged images: 1.000" in plot and "GCAGC (HRNet), Jadena: 0.000" in plot


@pytest.mark.slow
def test_metrics_of_a_whole_dataset_are_described_apart_from_those_of_images(page):
    text = page.read_text()
    assert "dataset_curves" in text and "max E of the dataset: enhanced alignment" in text


@pytest.mark.slow
def test_it_fetches_nothing_and_shows_names_as_text(page):
    text = page.read_text()
    assert "default-src 'none'" in text
    markup = re.sub(r"<script.*?</script>|&lt;.*?&gt;", "", text, flags=re.S)
    assert not re.search(r"""(src|href)=["']?(?!data:|#|["'])""", markup)
    assert HOSTILE not in text and "</script><b>" not in text
    assert text.count("</script>") == 2
    assert len(text) < 15_000_000


def test_script_data_cannot_end_the_script():
    text = report_page.render(Page([], {"name": "</script><!--"}))
    found = re.search(r'id="page-data">(.*?)</script>', text, flags=re.S)[1]
    assert "<" not in found and json.loads(found) == {"name": "</script><!--"}


def test_a_template_escapes_every_text_and_names_what_it_lacks():
    text = report_page.render(Page([Cite(HOSTILE), Figures([Tile(HOSTILE, "data:,")], left_out=HOSTILE)]))
    assert HOSTILE not in text and text.count("&lt;img src=x onerror=&#34;document.title=1&#34;&gt;") == 4
    with pytest.raises(UndefinedError, match="no attribute 'tables'"):
        report_page.TEMPLATES.get_template("tables.html.j2").render(section=Cite(""))


def test_every_section_has_a_template():
    sections = [its for its in vars(view).values() if hasattr(its, "template") and its is not view.Section]
    assert {its.template for its in sections} | {"page.html.j2", "macros.html.j2"} == {
        path.name for path in (report_page.FOLDER / "templates").iterdir()
    }


def test_worst_median_and_best_group_are_shown(page):
    data = json.loads(re.search(r'id="page-data">(.*?)</script>', page.read_text(), flags=re.S)[1])
    jadena = data["gallery"]["blocks"][0]
    found = [(group["place"], group["name"]) for group in jadena["groups"]]
    assert found == [("worst", "bear"), ("median", "</script><b>"), ("best", HOSTILE)]
    failed = jadena["groups"][0]["images"][3]
    assert failed["after"]["cosalpure"] is None and failed["maps"]["cosalpure"]["gicd"] == [None, None]


def test_a_gallery_that_is_full_has_the_median_group_of_the_attack(page, monkeypatch):
    monkeypatch.setattr(gallery, "BUDGET", 0)
    layout = Layout(str(page.parent / "results"))
    section = gallery.build(layout, pd.read_parquet(layout.scores), Entries())
    assert [[group.place for group in block.groups] for block in section.blocks] == [["median"], []]
    assert "mini, Jadena: the worst group" in section.notes and len(section.notes) == 5


def test_a_sweep_is_a_plot_and_its_numbers(page):
    section = page.read_text().partition(">Success against a setting</h2>")[2].partition("</section>")[0]
    assert section.count("<svg") == 1, "the half without images has no plot"
    assert section.count("stroke-dasharray") == 2, "a dashed line a detector"
    dots = re.findall(r'<title>GICD: ([\d.]+).*?</title>.*?<use [^>]* y="([\d.]+)"', section)
    assert [value for value, _ in dots] == ["0.750", "0.250"] and float(dots[0][1]) < float(dots[1][1])
    assert "nan" not in section.partition("<details>")[0]
    assert 'bound &lt;img src=x onerror="document.title=1"&gt;</text>' in section
    assert "Success rate against bound &lt;img src=x onerror=&#34;document.title=1&#34;&gt;</h4>" in section
    assert '<td data-value="16">16</td><td data-value="0.25">0.250</td><td data-value="">–</td>' in section


def test_fewer_groups_are_shown_once_each():
    rows = pd.DataFrame({"purifier": ["p"] * 2, "attacked": [True] * 2, "slug": ["x", "y"], "iou": [0.2, 0.1]})
    assert gallery.choose(rows) == [("worst", "y"), ("best", "x")]
    assert gallery.choose(rows.assign(iou=np.nan)) == []


def test_it_says_what_it_does_not_show(page):
    text = page.read_text()
    section = text.partition(">What is not shown</h2>")[2].partition("</section>")[0]
    for heading, items in limits.build().known.items():
        assert f"<summary>{heading}</summary>" in section
        assert all(f"<li><strong>{escape(name)}.</strong> {escape(words)}</li>" in section for name, words in items)


def test_manifest_times_and_citations_are_there(page):
    text = page.read_text()
    assert re.search(r"<td>torch</td><td>\d", text) and "<td>seed of intervals</td><td>0</td>" in text
    assert "<td>purify</td><td>1</td>" in text and "zhu2024cosalpure" in text and "gal2023textual" in text
    assert "nie2022diffpure" not in text, "only what was used"


def test_figures_and_sweeps_of_an_earlier_run_are_not_shown(tmp_path):
    layout = Layout(str(tmp_path))
    (tmp_path / "report/figures").mkdir(parents=True)
    for name in ("overview_mini_jadena_gicd", "overview_mini_pgd_gicd"):
        Image.new("RGB", (8, 8)).save(layout.figure(name))
    (tmp_path / "report/figures/sweep_strength.csv").write_text(SWEEP)
    shown = gallery.figures(layout, ["overview_mini_jadena_gicd.png"])
    assert [tile.caption.rpartition(": ")[2] for tile in shown.figures] == ["overview_mini_jadena_gicd"]
    assert len(gallery.figures(layout).figures) == 2 and gallery.figures(layout, [""]) is None
    assert sweep.section(layout, {"sweeps": {"other": {}}}, Entries()) is None
    assert sweep.section(layout, {"sweeps": {"strength": {}}}, Entries())


def test_mistakes_are_one_line(tmp_path, capsys):
    for arguments, said in (
        ([str(tmp_path)], "scores.parquet: no such file; make the tables first"),
        ([str(tmp_path), "--configuration", "{"], "--configuration: not JSON"),
        ([str(tmp_path), "--configuration", "[]"], "expected a JSON object"),
    ):
        assert main(["report", "page", *arguments, "--seed", "0", "--output", str(tmp_path / "r.html")]) == 1
        assert said in capsys.readouterr().err
    assert not (tmp_path / "r.html").exists()


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (pip install selenium)")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("Chromium is not installed; apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


SIZES = {"screen": (1440, 900, False), "phone": (390, 844, True)}
ARROW_LEFT, ARROW_RIGHT, ARROW_DOWN = "\ue012", "\ue014", "\ue015"


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_it_works_in_a_browser(page, browser, size):
    width = _resize(browser, size)
    browser.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    browser.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    browser.get(f"file://{page}")
    assert not browser.execute_script("return navigator.onLine")
    assert browser.execute_script("return document.documentElement.scrollWidth") == width, "nothing sticks out"
    _sorts_tables(browser)
    _moves_between_tabs(browser)
    _shows_every_metric(browser)
    _walks_through_the_gallery(browser)
    _is_read_at(browser, width)
    # nothing was executed, complained of, or fetched
    assert browser.title == "CosalPure report"
    assert browser.get_log("browser") == []
    sent = [json.loads(line["message"])["message"] for line in browser.get_log("performance")]
    urls = [its["params"]["request"]["url"] for its in sent if its["method"] == "Network.requestWillBeSent"]
    assert all(url.startswith(("file:", "data:")) for url in urls) and urls


@pytest.mark.slow
def test_many_conditions_still_fit_one_screen_and_are_chosen_from(tmp_path, browser):
    values = dict.fromkeys(("GICD", "GCAGC", "PoolNet"), (0.06, -0.1, 0.2))
    rows = [(f"purifier {number}", values) for number in range(8)]
    drawing = Plot("", "title", svg.inline(plots.paired_differences(rows), "title"))
    _save(tmp_path / "0.png")
    tile = Tile("IoU 0.5", data_address(tmp_path / "0.png"))
    strip = Strip([(tile, tile)] * 3, tile.picture, "group", "0.png", "purifier", "GICD")
    words = "The best of 7 other purifiers, purifier 1, gives back 6 points with GICD, 9 with GCAGC and 1 with PoolNet."
    summaries = [Summary(f"dataset {number}, Jadena", [words] * 3, drawing, strip) for number in range(8)]
    page = Page(
        [Findings(["8 datasets"], summaries, None, [])], {"explorer": {"blocks": []}, "gallery": {"blocks": []}}
    )
    (tmp_path / "page.html").write_text(report_page.render(page))
    _resize(browser, "screen")
    browser.get((tmp_path / "page.html").as_uri())
    shown = [its for its in browser.find_elements("class name", "summary") if its.is_displayed()]
    assert len(shown) == 1 and shown[0].rect["y"] + shown[0].rect["height"] <= SIZES["screen"][1]
    browser.find_element("id", "summary").send_keys(ARROW_DOWN)
    assert [its.is_displayed() for its in browser.find_elements("class name", "summary")].index(True) == 1
    assert browser.get_log("browser") == []


@pytest.mark.slow
def test_without_scripts_it_says_what_is_missing_and_shows_the_rest(page, browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(f"file://{page}")
        hidden = [its.text for its in browser.find_elements("tag name", "h2") if not its.is_displayed()]
        assert len(hidden) == 2 and "Scripts are off." in browser.find_element("tag name", "header").text
        assert all(its.is_displayed() for its in browser.find_elements("css selector", ".panel"))
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def _resize(browser, size):
    width, height, mobile = SIZES[size]
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    return width


def _sorts_tables(browser):
    """A click sorts, a second one turns it round; the keyboard does it too."""
    table = browser.find_element("css selector", "#explorer-table table")
    head = table.find_elements("tag name", "th")[1]
    for keys, order in ((None, "ascending"), ("\n", "descending")):
        button = head.find_element("tag name", "button")
        button.send_keys(keys) if keys else button.click()
        assert head.get_attribute("aria-sort") == order
        values = [float(cell.get_attribute("data-value")) for cell in table.find_elements("css selector", "td + td")]
        assert values == sorted(values, reverse=order == "descending")


def _moves_between_tabs(browser):
    """The page's tables have a detector a tab: by click, by arrow keys, and with the focus on the chosen one."""
    box = browser.find_element("class name", "tabbed")
    gicd, other = box.find_elements("css selector", "[role=tab]")
    panels = box.find_elements("css selector", "[role=tabpanel]")

    def state():
        return [[its.get_attribute("aria-selected") for its in (gicd, other)], [its.is_displayed() for its in panels]]

    assert (gicd.text, other.text) == ("GICD", "GCAGC") and state() == [["true", "false"], [True, False]]
    gicd.send_keys(ARROW_RIGHT)
    assert state() == [["false", "true"], [False, True]] and browser.switch_to.active_element == other
    other.send_keys(ARROW_RIGHT)
    assert state() == [["true", "false"], [True, False]], "round the end"
    other.click()
    assert state() == [["false", "true"], [False, True]]
    assert panels[1].find_element("css selector", "tbody td").value_of_css_property("position") == "sticky"


def _shows_every_metric(browser):
    """The clean images of cosalpure lack one."""
    find = browser.find_element
    find("css selector", "input[name=split][value=clean]").click()
    assert "5 of 6" in find("id", "explorer-table").text
    find("css selector", "input[name=metric][value=mae]").click()
    assert "smaller is better" in find("id", "explorer-about").text


def _walks_through_the_gallery(browser):
    """From the median group and the first detector on: group, image, condition, slider and outline, by mouse and keys."""
    find = browser.find_element
    assert find("css selector", "#gallery-block option:checked").text == "mini, Jadena"
    assert find("css selector", "#gallery-detector option:checked").text == "GICD"
    groups = find("id", "groups").find_elements("tag name", "button")
    assert [tab.text for tab in groups] == ["worst: bear", "median: </script><b>", f"best: {HOSTILE}"]
    assert [tab.get_attribute("aria-pressed") for tab in groups] == ["false", "true", "false"]
    groups[2].send_keys(" ")
    assert find("css selector", "#groups button[aria-pressed=true]").text == f"best: {HOSTILE}"
    tile = find("css selector", "#images button")
    assert tile.text.split("\n") == ["attacked", "IoU 0.10", "IoU 1.00 +0.90"]
    find("id", "images").find_elements("tag name", "button")[2].click()
    assert find("id", "image-name").text == "2.png, clean; IoU 1.000"
    assert browser.execute_script(
        "return document.getElementById('stack').getBoundingClientRect().top < innerHeight"
    ), "the large picture is in view"
    before = find("id", "show-after").value_of_css_property("clip-path")
    slider = find("id", "slider")
    slider.send_keys(ARROW_RIGHT * 5)
    assert find("id", "show-after").value_of_css_property("clip-path") != before
    assert slider.location["y"] < find("class name", "slide").location["y"] + 30, "on one line with its ends"
    for shown in (True, False):
        assert find("css selector", "#stack .outline").is_displayed() is shown
        assert bool(browser.find_elements("css selector", "#images img[alt='']")) is shown
        find("id", "outlined").click()
    find("id", "gallery-block").send_keys(ARROW_DOWN)
    assert find("css selector", "#gallery-block option:checked").text == "mini, none (clean)"
    assert find("css selector", "#images button").text.split("\n") == ["clean", "IoU 0.90"]


def _is_read_at(browser, width):
    """Plots and figures keep inside the window, and in the dark the colours turn round."""
    plots = [its.rect for its in browser.find_elements("css selector", "figure svg") if its.is_displayed()]
    assert plots and all(its["x"] >= 0 and its["x"] + its["width"] <= width and its["width"] > 280 for its in plots)
    colour = "return getComputedStyle(document.body).backgroundColor"
    colours = []
    for scheme in ("light", "dark"):
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        colours.append(browser.execute_script(colour))
    assert colours[0] != colours[1]


def test_it_says_what_the_papers_data_sets_would_take_at_this_pace(page):
    text = page.read_text().partition("would take at this pace")[2].partition("</table>")[0]
    assert "hours, 328 groups" in text
    seconds = 12.5 / 3  # of the one benchmark file, three groups
    row = f'<td>Jadena, CosalPure</td><td data-value="{seconds}">4.167</td>'
    assert row in text and f">{seconds * 328 / 3600:.3f}</td>" in text
