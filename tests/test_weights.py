"""Weights: a name becomes a verified local file, from a local stub of every kind of source."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from file_server import FileServer, checkpoint, hub, pipeline

from cosalpure import weights
from cosalpure.cli import main
from cosalpure.errors import UserError
from cosalpure.weights import downloads, missing_text

CONTENT = checkpoint(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PAGE = b"<!DOCTYPE html><html><head><title>Quota exceeded</title></head><body>Try tomorrow</body></html>"


@pytest.fixture
def server():
    with FileServer({"/model.pth": CONTENT, "/page": PAGE, "/empty": b""}) as server:
        yield server


@pytest.fixture(autouse=True)
def online(monkeypatch):
    for name in weights.OFFLINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloads, "RETRIES", 0)  # no waiting for dead links


def source(*sources, sha256="", file="model.pth"):
    return weights.Source("model", file, sources, 1.0, sha256, "MIT", "tests")


def refused(its, folder):
    with pytest.raises(UserError) as caught:
        weights.fetch(its, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_official_network_has_its_weights_in_the_table():
    listed = weights.read_sources()
    assert {"gicd-ginet", "vgg16", "gcagc", "poolnet", "resneta50b", "adm-256", "stable-diffusion-2"} <= set(listed)
    assert {"gconet-plus", "mccl"} <= set(listed)
    assert all(its.licence and its.used_for and its.megabytes > 1 for its in listed.values())


def test_a_file_arrives_and_its_sha256_is_recorded(server, tmp_path):
    path = weights.fetch(source(server.url + "/model.pth"), tmp_path)
    assert path == tmp_path / "model.pth" and path.read_bytes() == CONTENT
    assert (tmp_path / "model.pth.sha256").read_text() == f"{SHA256}  model.pth\n"
    subprocess.run(["sha256sum", "-c", "model.pth.sha256"], cwd=tmp_path, check=True, capture_output=True)
    assert [child.name for child in (tmp_path / ".partial").iterdir() if child.is_dir()] == []


def test_a_file_that_is_there_is_not_downloaded_again(server, tmp_path):
    its = source(server.url + "/model.pth")
    weights.fetch(its, tmp_path)
    weights.fetch(its, tmp_path)
    assert len(server.requests) == 1


@pytest.mark.parametrize("sha256", [SHA256, SHA256[:8]])
def test_a_published_sha256_or_its_beginning_is_checked(server, tmp_path, sha256):
    assert weights.fetch(source(server.url + "/model.pth", sha256=sha256), tmp_path).exists()
    other = tmp_path / "other"
    assert "is not the published 00" in refused(source(server.url + "/model.pth", sha256="00"), other)
    assert not (other / "model.pth").exists() and not list(other.rglob("*.part"))


def test_a_file_that_changed_since_the_first_download_is_refused_and_kept(server, tmp_path):
    its = source(server.url + "/model.pth")
    path = weights.fetch(its, tmp_path)
    changed = checkpoint(1_000_000, fill=1)
    path.write_bytes(changed)
    assert "model.pth.sha256" in refused(its, tmp_path) and path.read_bytes() == changed
    path.unlink()
    server.files["/model.pth"] = changed
    assert f"is not {SHA256}" in refused(its, tmp_path) and not path.exists()


@pytest.mark.parametrize("bad", ["/missing", "/page", "/empty"])
def test_mirrors_are_tried_in_order(server, tmp_path, bad):
    its = source("http://127.0.0.1:9/dead", server.url + bad, server.url + "/model.pth")
    assert weights.fetch(its, tmp_path).read_bytes() == CONTENT


def test_when_no_source_works_each_is_named_with_its_reason_and_what_to_do_by_hand(server, tmp_path):
    line = refused(source(server.url + "/page", server.url + "/missing"), tmp_path)
    assert "a web page came instead of the file ('Quota exceeded')" in line and "404" in line
    assert f"Download the file from {server.url}/page or {server.url}/missing and put it as {tmp_path}" in line


def test_a_file_put_there_by_hand_serves_without_any_network(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    its = source("gdrive:abc")
    line = refused(its, tmp_path)
    assert "offline" in line and f"drive.google.com/file/d/abc/view and put it as {tmp_path / 'model.pth'}" in line
    (tmp_path / "model.pth").write_bytes(CONTENT)
    assert weights.fetch(its, tmp_path) == tmp_path / "model.pth"
    assert (tmp_path / "model.pth.sha256").exists()


def test_a_path_on_this_machine_is_a_source(tmp_path):
    (tmp_path / "shared.pth").write_bytes(CONTENT)
    path = weights.fetch(source(str(tmp_path / "none.pth"), str(tmp_path / "shared.pth")), tmp_path / "w")
    assert path.read_bytes() == CONTENT


def test_a_disk_that_is_too_small_is_named(server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    assert "do not fit on the disk" in refused(source(server.url + "/model.pth"), tmp_path)


@pytest.mark.slow
def test_who_finds_another_at_work_waits_and_takes_what_that_one_brought(server, tmp_path, capsys):
    from filelock import FileLock

    (tmp_path / ".partial").mkdir()
    with ThreadPoolExecutor() as threads:
        with FileLock(tmp_path / ".partial" / "model.lock"):
            waiting = threads.submit(weights.fetch, source(server.url + "/model.pth"), tmp_path)
            time.sleep(0.3)
            assert not waiting.done()
            (tmp_path / "model.pth").write_bytes(CONTENT)
        assert waiting.result(timeout=10).read_bytes() == CONTENT
    assert server.requests == [] and "model: another process is downloading it; waiting" in capsys.readouterr().err


def table(tmp_path, *rows):
    path = tmp_path / "sources.csv"
    path.write_text("\n".join([",".join(weights.COLUMNS), *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("a,weights,../evil.pth,hf:a/b,1,,MIT,x", "plain file name"),
        ("a,weights,.hidden,hf:a/b,1,,MIT,x", "plain file name"),
        ("a,weights,a.pth,,1,,MIT,x", "at least one of"),
        ("a,weights,a.pth,hf:a/b,big,,MIT,x", "expected a number"),
        ("a,weights,a.pth", "expected the columns"),
        ("a,weights,a.pth,hf:a/b,1,,MIT,x\na,weights,a.pth,hf:a/b,1,,MIT,x", "listed twice"),
    ],
)
def test_mistakes_in_the_table_are_one_line(tmp_path, row, complaint):
    with pytest.raises(UserError, match=f"sources.csv:[23]: .*{complaint}"):
        weights.read_sources(table(tmp_path, row))


def test_list_shows_have_missing_and_partial(server, tmp_path, capsys):
    rows = [f"{name},weights,{name}.pth,{server.url}/model.pth,1,,MIT,tests" for name in ("here", "part", "gone")]
    sources, folder = table(tmp_path, *rows), tmp_path / "w"
    options = ["--folder", str(folder), "--sources", str(sources)]
    assert main(["weights", "fetch", "here", *options]) == 0
    (folder / ".partial/part-0").mkdir(parents=True)
    (folder / ".partial/part-0/part.pthabcdefgh.part").write_bytes(CONTENT[:600_000])
    capsys.readouterr()
    assert main(["weights", "list", *options]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert " have " in lines["here"] and " partial, 1 MB " in lines["part"] and " missing " in lines["gone"]
    assert all(text in lines["gone"] for text in ("1 MB", "MIT", "tests", f"{server.url}/model.pth", "gone.pth"))


def test_unknown_names_are_answered_with_the_known_ones(capsys):
    assert main(["weights", "fetch", "gcagd"]) == 1
    assert "did you mean 'gcagc'?" in capsys.readouterr().err


def fetching(tmp_path, sources):
    command = [sys.executable, "-m", "cosalpure", "weights", "fetch", "model", "--sources", str(sources)]
    return subprocess.Popen([*command, "--folder", str(tmp_path / "w")], stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_download_goes_on_where_it_stopped(tmp_path):
    content = checkpoint(6_000_000)
    with FileServer({"/model.pth": content}, pause=0.02) as server:
        sources = table(tmp_path, f"model,weights,model.pth,{server.url}/model.pth,6,,MIT,tests")
        process = fetching(tmp_path, sources)
        while not any(part.stat().st_size > 1_000_000 for part in tmp_path.glob("w/.partial/*/*.part")):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "w/model.pth").exists()
        process = fetching(tmp_path, sources)
        _, progress = process.communicate(timeout=60)
        assert process.returncode == 0 and "100%" in progress and "6.00M/6.00M" in progress
        assert (tmp_path / "w/model.pth").read_bytes() == content
        asked = [place for _, _, place in server.requests]
        assert asked[0] is None and int(asked[-1].removeprefix("bytes=").rstrip("-")) > 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name", "folder"), [("weights", "model", "weights"), ("data", "coca", "datasets")], ids=["weights", "data"]
)
def test_two_processes_that_want_one_file_at_once_share_one_download(tmp_path, kind, name, folder):
    content = b"\1" + os.urandom(4_000_000)  # of a kind that the name does not promise
    logs = [tmp_path / "run0.log", tmp_path / "run1.log"]

    def waits():
        return any("waiting for that one" in log.read_text() for log in logs if log.exists())

    with FileServer({"/file": content}, until=waits) as server:
        sources = table(tmp_path, f"{name},{kind},the.file,{server.url}/file,4,,MIT,tests")
        runs = []
        for number in range(2):  # folders of their own, in which weights/ or datasets/ is a link to one place
            (tmp_path / f"run{number}").mkdir()
            (tmp_path / f"run{number}" / folder).symlink_to(tmp_path / "shared")
            (tmp_path / "shared").mkdir(exist_ok=True)
            command = [sys.executable, "-m", "cosalpure", kind, "fetch", name, "--sources", sources]
            with logs[number].open("w") as log:
                runs.append(subprocess.Popen(list(map(str, command)), stderr=log, cwd=tmp_path / f"run{number}"))
        assert [run.wait(timeout=90) for run in runs] == [0, 0], [log.read_text() for log in logs]
        assert len(server.requests) == 1 and waits()
    assert (tmp_path / "shared/the.file").read_bytes() == content
    assert sorted(path.name for path in (tmp_path / "shared").iterdir()) == [".partial", "the.file", "the.file.sha256"]
    assert [path.name for path in (tmp_path / "shared/.partial").iterdir()] == [f"{name}.lock"]


@pytest.mark.parametrize(("ranges", "share"), [(False, 0.5), (True, 1.0)])
def test_a_partial_file_that_cannot_be_continued_starts_anew(tmp_path, ranges, share):
    partial = tmp_path / ".partial/model-0/model.pthabcdefgh.part"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(CONTENT[: int(share * len(CONTENT))])
    with FileServer({"/model.pth": CONTENT}, ranges=ranges) as server:
        assert weights.fetch(source(server.url + "/model.pth"), tmp_path).read_bytes() == CONTENT


@pytest.fixture
def drive(server, monkeypatch):
    """Google Drive, played by the local server: a page that asks for confirmation, then the file."""
    real = requests.adapters.HTTPAdapter.send

    def send(self, request, **options):
        for host in ("https://drive.google.com", "https://drive.usercontent.google.com"):
            request.url = request.url.replace(host, server.url)
        return real(self, request, **options)

    def warning(handler):
        form = (
            b'<html><form id="download-form" action="https://drive.usercontent.google.com/download">'
            b'<input type="hidden" name="id" value="abc"><input type="hidden" name="confirm" value="t"></form></html>'
        )
        handler.send_response(200)
        server.send(handler, form, headers=[("Content-Type", "text/html; charset=utf-8")])

    def file(handler):
        handler.send_response(200)
        headers = {"Content-Type": "application/octet-stream", "Content-Disposition": 'attachment; filename="them.pth"'}
        server.send(handler, CONTENT, headers=headers.items())

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    server.files |= {"/uc": warning, "/download": file}
    return server


def test_google_drive_asks_for_confirmation_and_gets_it(drive, tmp_path):
    assert weights.fetch(source("gdrive:abc"), tmp_path).read_bytes() == CONTENT
    assert "confirm=t" in drive.requests[-1][1]


def test_google_drives_quota_page_is_reported(drive, tmp_path):
    def quota(handler):
        handler.send_response(200)
        text = b'<html><p class="uc-error-subcaption">Too many users have viewed this file recently.</p></html>'
        drive.send(handler, text, headers=[("Content-Type", "text/html")])

    drive.files["/uc"] = quota
    assert "Too many users have viewed this file recently" in refused(source("gdrive:abc"), tmp_path)


@pytest.mark.slow
def test_a_repository_of_the_hub_becomes_a_folder(tmp_path):
    files = pipeline()
    rest = {"768-v-ema.ckpt": b"another format", "README.md": b"..."}
    with FileServer({}) as server:
        server.files |= hub(server, "them/model", files | rest, revision="v2")
        sources = table(tmp_path, "model,weights,model/,hf:them/model@v2,1,,MIT,tests")
        command = [sys.executable, "-m", "cosalpure", "weights", "fetch", "model", "--sources", str(sources)]
        environment = os.environ | {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf")}
        folder = tmp_path / "w"
        done = subprocess.run([*command, "--folder", str(folder)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {str(path.relative_to(folder / "model")) for path in (folder / "model").rglob("*") if path.is_file()}
    assert found == set(files) and Path(done.stdout.strip()) == folder / "model"
    assert (folder / "model.sha256").read_text().count("\n") == len(files)


def test_a_published_file_that_is_not_there_is_said_to_be_downloadable():
    assert missing_text("weights/gicd_ginet.pth") == (
        "weights/gicd_ginet.pth: no such weights file; download it with: cosalpure weights fetch gicd-ginet"
    )
    assert missing_text("/scratch/weights/stable-diffusion-2", folder=True).endswith("weights fetch stable-diffusion-2")
    assert missing_text("own/mine.pth") == "own/mine.pth: no such weights file"
    assert missing_text("owner/name", folder=True).endswith("for a repository of the hub write hf:owner/name")
