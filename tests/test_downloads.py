"""What hosts and disks give in place of weights: refused in one line and never recorded, and the next source is tried."""

import gzip
import hashlib

import pytest
from file_server import FileServer, checkpoint, pipeline, tarred, zipped

from cosalpure import weights
from cosalpure.errors import UserError
from cosalpure.weights import downloads

GOOD = checkpoint(2_000_000)
ZIPPED = "model.pth.zip"


@pytest.fixture(autouse=True)
def online(monkeypatch):
    for name in weights.OFFLINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloads, "RETRIES", 0)


def source(*sources, file="model.pth", sha256="", kind="weights"):
    return weights.Source("model", file, sources, 2.0, sha256, "MIT", "tests", kind)


def answer(status, body=b"", **headers):
    """A server's answer of this status, body and headers."""

    def act(handler):
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(body)

    return act


def flipped(content):
    """One byte in the middle is another one, as a bad disk or proxy leaves it."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]


PAGE = b"<html><title>Quota exceeded</title>Too many users have viewed or downloaded this file recently.</html>"
BAD = {  # id: (what comes, what the line says)
    "quota page": (PAGE, "a web page came instead of the file ('Quota exceeded')"),
    "page in capital letters": (b"<HTML><BODY>Not here</BODY></HTML>", "a web page"),
    "page after blank lines and a BOM": (
        b"\xef\xbb\xbf\n\n" + PAGE,
        "a web page came instead of the file ('Quota exceeded')",
    ),
    "page in UTF-16": (
        "<html><title>Anmelden</title></html>".encode("utf-16"),
        "a web page came instead of the file ('Anmelden')",
    ),
    "fragment of a page": (b'<div class="error">Sign in to continue</div>', "a web page"),
    "page of two megabytes": (PAGE + b" " * 2_000_000, "a web page came instead of the file ('Quota exceeded')"),
    "JSON error": (b'{"error": "Invalid username or password."}', "JSON came instead of the file ("),
    "JSON list": (b'[{"code": 404}]', "JSON came instead of the file ("),
    "XML error": (b"<Error><Code>NoSuchKey</Code></Error>", "XML came instead of the file ("),
    "plain text": (b"rate limit exceeded, try again later\n", "text came instead of the file ('rate limit"),
    "YAML": (b"model: poolnet\nsize: 278\n", "text came instead of the file ('model: poolnet"),
    "LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 2000000\n", "Git LFS pointer"),
    "empty file": (b"", "the file is empty"),
    "truncated file": (GOOD[:-5000], "cut short"),
    "first kilobyte": (GOOD[:1000], "cut short"),
    "wrong magic": (b"\1\2\3\4" + GOOD[4:], "unknown kind"),
    "zeros": (bytes(len(GOOD)), "unknown kind"),
    "flipped byte": (flipped(GOOD), "damaged"),
    "gzip of the right file": (gzip.compress(GOOD), "a gzip file; expected"),
    "tar of the right file": (tarred("model.pth", GOOD), "a tar archive; expected"),
    "half its size": (checkpoint(1_000_000), "it has 1.0 MB; the table of sources states 2.0 MB"),
    "ten times its size": (checkpoint(20_000_000), "it has 20.0 MB; the table of sources states 2.0 MB"),
    "zip without a checkpoint": (zipped(readme__txt=b"x" * 2_000_000), "no PyTorch checkpoint"),
    "zip of two files": (zipped(a__pth=GOOD[:1_000_000], b__pth=GOOD[:1_000_000]), "a zip of 2 files"),
    "empty zip": (zipped(), "it has 0.0 MB"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(2_000_000), "a PNG image; expected"),
    "pickle cut short": (b"\x80\x02}q\x00(X\x01\x00\x00\x00a" + bytes(2_000_000), "damaged"),
}


def refused(its, folder):
    with pytest.raises(UserError) as caught:
        weights.fetch(its, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def nothing_kept(folder):
    return not [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_the_file_is_refused_and_the_mirror_is_taken(case, tmp_path):
    content, words = BAD[case]
    with FileServer({"/bad": content, "/good": GOOD}) as server:
        assert words in refused(source(server.url + "/bad"), tmp_path / "alone")
        assert nothing_kept(tmp_path / "alone")
        path = weights.fetch(source(server.url + "/bad", server.url + "/good"), tmp_path)
        assert path.read_bytes() == GOOD
        assert (tmp_path / "model.pth.sha256").read_text().startswith(hashlib.sha256(GOOD).hexdigest())


ANSWERS = {
    "redirect to a login page": answer(302, Location="/login"),
    "redirect to itself": answer(301, Location="/bad"),
    "no content": answer(204),
    "not found": answer(404, b"no"),
    "too many requests": answer(429, b"slow down"),
    "server error": answer(500, b"oops"),
    "less than announced": answer(200, GOOD[:5000], Content_Length=str(len(GOOD))),
    "page as an attachment": answer(200, PAGE, Content_Disposition='attachment; filename="model.pth"'),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_answers_without_the_file_lead_to_the_mirror(case, tmp_path):
    with FileServer({"/bad": ANSWERS[case], "/login": b"<title>Sign in</title>", "/good": GOOD}) as server:
        refused(source(server.url + "/bad"), tmp_path / "alone")
        assert not (tmp_path / "alone/model.pth").exists() and not (tmp_path / "alone/model.pth.sha256").exists()
        path = weights.fetch(source(server.url + "/bad", server.url + "/good"), tmp_path)
        assert path.read_bytes() == GOOD


@pytest.mark.parametrize("case", [case for case in BAD if BAD[case][0] != b""])
def test_what_is_not_the_file_is_refused_where_it_lies_on_the_disk(case, tmp_path):
    content, words = BAD[case]
    (tmp_path / "model.pth").write_bytes(content)
    line = refused(source("https://example.invalid/model.pth"), tmp_path)
    assert words in line and "ove" in line and not (tmp_path / "model.pth.sha256").exists()
    assert (tmp_path / "model.pth").read_bytes() == content


def test_a_page_whose_hash_an_earlier_version_recorded_is_refused_with_its_record(tmp_path):
    its = source("https://example.invalid/model.pth")
    (tmp_path / "model.pth").write_bytes(PAGE)
    (tmp_path / "model.pth.sha256").write_text(f"{hashlib.sha256(PAGE).hexdigest()}  model.pth\n")
    line = refused(its, tmp_path)
    assert "a web page came instead of the file ('Quota exceeded')" in line and "model.pth.sha256" in line
    assert weights.state(its, tmp_path).startswith("unusable: a web page")


def test_the_right_file_after_a_wrong_record_says_which_record_to_delete(tmp_path):
    record = tmp_path / "model.pth.sha256"
    record.write_text(f"{hashlib.sha256(PAGE).hexdigest()}  model.pth\n")
    with FileServer({"/good": GOOD}) as server:
        its = source(server.url + "/good")
        assert f"as in {record} (delete that record if" in refused(its, tmp_path)
        record.unlink()
        assert weights.fetch(its, tmp_path).read_bytes() == GOOD


def test_a_published_sha256_tells_whatever_size_and_kind_are(tmp_path):
    content = b"a file of another kind"
    with FileServer({"/x": content, "/page": PAGE}) as server:
        sha256 = hashlib.sha256(content).hexdigest()
        assert weights.fetch(source(server.url + "/x", sha256=sha256), tmp_path).read_bytes() == content
        line = refused(source(server.url + "/page", sha256=sha256), tmp_path / "page")
        assert "a web page came instead of the file ('Quota exceeded')" in line


def test_archives_of_data_are_checked_alike(tmp_path):
    pictures = {f"group/{index}.png": bytes(1_000_000) for index in range(2)}
    contents = {
        "/page": PAGE, "/readme": zipped(readme__txt=bytes(2_000_000)), "/cut": zipped(**pictures)[:-9],
        "/good": zipped(**pictures),
    }  # fmt: skip
    with FileServer(contents) as server:
        its = source(*(server.url + name for name in contents), file="coca.zip", kind="data")
        assert weights.fetch(its, tmp_path).read_bytes() == contents["/good"]
        for name, words in (("/page", "a web page"), ("/readme", "without any image"), ("/cut", "cut short")):
            one = source(server.url + name, file="coca.zip", kind="data")
            assert words in refused(one, tmp_path / name.strip("/"))


FOLDERS = {  # id: (names that are missing, {name: content} besides, what the line says)
    "without weights": ((".safetensors",), {}, "incomplete: no weights in vae/"),
    "only .gitattributes": (("",), {".gitattributes": b"*.safetensors filter=lfs\n"}, "incomplete: no model_index.json"),
    "without the unet": (("unet/",), {}, "incomplete: no unet/config.json"),
    "without the text encoder's weights": (("text_encoder/model",), {}, "incomplete: no weights in text_encoder/"),
    "LFS pointers": ((), {"unet/diffusion_pytorch_model.safetensors": b"version https://git-lfs.github.com/spec/v1\n"}, "LFS pointer"),
    "weights cut short": ((), {"unet/diffusion_pytorch_model.safetensors": pipeline(2_000_000)["unet/diffusion_pytorch_model.safetensors"][:-9]}, "damaged"),
    "a page as the index": ((), {"model_index.json": PAGE}, "model_index.json is not a configuration in JSON but a web page"),
    "a page as a configuration": ((), {"vae/config.json": PAGE}, "vae/config.json is not a configuration in JSON"),
    "one piece of two": ((), {"unet/x.safetensors.index.json": b'{"weight_map": {"a": "x-2.safetensors"}}'}, "no unet/x-2.safetensors"),
    "much smaller than stated": ((), pipeline(100_000), "it has 0.1 MB"),
}  # fmt: skip


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_counts_as_present_only_with_its_weights(case, tmp_path):
    missing, more, words = FOLDERS[case]
    files = {name: content for name, content in pipeline(2_000_000).items() if not any(m in name for m in missing)}
    for name, content in (files | more).items():
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).write_bytes(content)
    its = source("hf:them/model", file="model/")
    assert words in refused(its, tmp_path) and not (tmp_path / "model.sha256").exists()
    if "weights cut" not in case and "smaller" not in case:  # those two take a look at the whole content
        assert weights.state(its, tmp_path).startswith("unusable")


def test_a_hub_folder_without_weights_is_not_taken_and_the_next_one_is(tmp_path, monkeypatch):
    files = pipeline(2_000_000)
    bare = {name: content for name, content in files.items() if not name.endswith(".safetensors")}
    monkeypatch.setattr(downloads, "hub_folder", lambda name, target: local(target, bare if "bare" in name else files))
    path = weights.fetch(source("hf:them/bare", "hf:them/whole", file="model/"), tmp_path)
    assert (path / "unet/diffusion_pytorch_model.safetensors").is_file()


def local(target, files):
    for name, content in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)


@pytest.mark.parametrize(
    "address",
    ["ftp://a.org/x", "www.a.org/x", "gdrive:", "gdrive:../x", "hf:", "hf:a", "hf:a/b/c", "https://", "s3://b/x"],
)
def test_addresses_that_cannot_be_downloaded_are_refused_where_the_table_is_read(address, tmp_path):
    table = tmp_path / "sources.csv"
    table.write_text(",".join(weights.COLUMNS) + f"\na,weights,a.pth,{address},1,,MIT,x\n")
    with pytest.raises(UserError, match=r"sources.csv:2: sources: '.*': (unknown kind of address; )?expected "):
        weights.read_sources(table)


@pytest.mark.parametrize("name", ["stabilityai/stable-diffusion-2", "stabilityai/stable-diffusion-2-1-base"])
def test_repositories_that_left_the_hub_get_a_hint_to_their_mirror(name, tmp_path, monkeypatch):
    mirror = name.replace("stabilityai", "hf:sd2-community")
    assert mirror in refused(source(name, file="model/"), tmp_path)

    def gone(*_, **__):
        raise OSError("404 Client Error: Repository Not Found")

    monkeypatch.setattr("huggingface_hub.snapshot_download", gone)
    assert mirror in refused(source(f"hf:{name}", file="model/"), tmp_path)
    assert "removed" not in refused(source("hf:them/other", file="model/"), tmp_path)
