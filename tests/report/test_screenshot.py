"""Pictures of the report page, by a real browser where there is one."""

import shutil

import pytest
from PIL import Image

from cosalpure.cli import main
from cosalpure.report import screenshot

PAGE = """<!doctype html><html><head><style>:root { color-scheme: light dark; background: #fff; }
@media (prefers-color-scheme: dark) { :root { background: #000; } } @media (max-width: 400px) { div { width: 300px; } }
</style></head><body style="margin: 0"><header>top</header><main>
<section aria-labelledby="one"><h2 id="one">one</h2><div style="height: 200px; background: #f00"></div></section>
<section aria-labelledby="two"><h2 id="two">two</h2><div style="height: 300px; background: #00f"></div></section>
</main><footer>below</footer></body></html>"""


def take(folder, part, *options):
    (folder / "page.html").write_text(PAGE)
    page, output = folder / "page.html", folder / "shot.png"
    return main(["report", "screenshot", str(page), "--part", part, "--output", str(output), *options]), output


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, screenshot.BROWSERS)), reason="no Chromium")
def test_a_part_is_shown_by_itself(tmp_path):
    status, output = take(tmp_path, "two")
    assert status == 0
    with Image.open(output) as image:
        colors = {color: count for count, color in image.convert("RGB").getcolors(1_000_000)}
        assert colors[0, 0, 255] == 300 * 1000 and (255, 0, 0) not in colors
        assert image.size[0] == 1000 and image.size[1] < 450, "empty space below is cut off"


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, screenshot.BROWSERS)), reason="no Chromium")
def test_a_phone_s_width_and_dark_colours(tmp_path):
    status, output = take(tmp_path, "two", "--width", "390", "--dark")
    assert status == 0
    with Image.open(output) as image:
        colors = {color: count for count, color in image.convert("RGB").getcolors(1_000_000)}
        assert image.width == 390 and colors[0, 0, 255] == 300 * 300, "the page's rule for narrow windows holds"
        assert image.convert("RGB").getpixel((389, 20)) == (0, 0, 0)


def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys):
    assert take(tmp_path, "tow")[0] == 1
    monkeypatch.setattr(screenshot.shutil, "which", lambda name: None)
    status, output = take(tmp_path, "two")
    errors = capsys.readouterr().err.splitlines()
    assert status == 1 and not output.exists()
    assert "did you mean 'two'?" in errors[0] and "chromium" in errors[1] and len(errors) == 2
