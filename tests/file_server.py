"""A file server on 127.0.0.1 that stands in for the hosts of weights and datasets: ranges, and their bad habits.

    with FileServer({"/model.pth": b"..."}) as server:
        server.url + "/model.pth"

A path's content is bytes, a file (a `Path`), or a function of the handler. `server.requests` lists (method, path, Range
header). `hub` plays a repository of the Hugging Face hub. With `until`, no content is sent before `until()` is true, for
at most 45 s.
"""

import hashlib
import io
import json
import tarfile
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CHUNK = 65536  # bytes
COMMIT = "0123456789abcdef0123456789abcdef01234567"  # of the hub's one commit


class FileServer:
    def __init__(self, files, ranges=True, pause=0.0, until=lambda: True):
        self.files, self.requests, self.until = dict(files), [], until
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self, body=True)

            def do_HEAD(self):
                outer.answer(self, body=False)

            def log_message(self, *_):
                pass

        self.ranges, self.pause = ranges, pause
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler, body):
        path = handler.path.partition("?")[0]
        self.requests.append((handler.command, handler.path, handler.headers.get("Range")))
        content = self.files.get(path)
        if content is None:
            return handler.send_error(404)
        if callable(content):
            return content(handler)
        size, start = content.stat().st_size if isinstance(content, Path) else len(content), 0
        if self.ranges and handler.headers.get("Range"):
            start = int(handler.headers["Range"].removeprefix("bytes=").partition("-")[0])
            if start >= size:
                return handler.send_error(416)
        handler.send_response(206 if start else 200)
        headers = [("Content-Range", f"bytes {start}-{size - 1}/{size}")] if start else []
        self.send(handler, content, body, headers, start)

    def send(self, handler, content, body=True, headers=(), start=0):
        """The rest of an answer from byte `start` on, slowly if `pause` (seconds a 64 kB) says so."""
        with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as file:
            length = file.seek(0, io.SEEK_END) - start
            file.seek(start)
            for name, value in (*headers, ("Content-Length", str(length))):
                handler.send_header(name, value)
            handler.end_headers()
            deadline = time.monotonic() + 45
            while body and not self.until() and time.monotonic() < deadline:
                time.sleep(0.05)
            try:
                while body and (part := file.read(CHUNK)):
                    handler.wfile.write(part)
                    time.sleep(self.pause)
            except OSError:  # the client was killed
                pass


def hub(server, repository, files, revision="main"):
    """{path: content} of `repository` ("them/model") on the hub that HF_ENDPOINT=`server.url` names.

    `files` is {name: bytes or Path}; `revision` is the one that can be asked for.
    """

    def as_json(value):
        def answer(handler):
            handler.send_response(200)
            server.send(handler, json.dumps(value).encode(), headers=[("Content-Type", "application/json")])

        return answer

    def resolve(name, content):
        def answer(handler):
            handler.send_response(200)
            headers = [("ETag", f'"{hashlib.sha1(name.encode()).hexdigest()}"'), ("X-Repo-Commit", COMMIT)]
            server.send(handler, content, handler.command == "GET", headers)

        return answer

    sizes = {name: part.stat().st_size if isinstance(part, Path) else len(part) for name, part in files.items()}
    tree = [{"type": "file", "path": name, "size": size, "oid": name} for name, size in sizes.items()]
    info = {"id": repository, "sha": COMMIT, "private": False}
    api = f"/api/models/{repository}"
    found = {f"{api}/revision/{revision}": as_json(info), f"{api}/tree/{COMMIT}": as_json(tree)}
    return found | {f"/{repository}/resolve/{COMMIT}/{name}": resolve(name, part) for name, part in files.items()}


def checkpoint(size, fill=0):
    """The bytes of a PyTorch checkpoint of about `size` bytes."""
    import torch

    file = io.BytesIO()
    torch.save({"weight": torch.full((size // 4,), float(fill))}, file)
    return file.getvalue()


def pipeline(size=600_000):
    """{name: bytes} of a diffusers pipeline folder with weights of about `size` bytes."""
    import torch
    from safetensors.torch import save

    weights = save({"weight": torch.zeros(size // 12)})
    parts = {"vae": "diffusion_pytorch_model", "unet": "diffusion_pytorch_model", "text_encoder": "model"}
    files = {"model_index.json": b"{}", "scheduler/scheduler_config.json": b"{}", "tokenizer/vocab.json": b"{}"}
    for part, name in parts.items():
        files |= {f"{part}/config.json": b"{}", f"{part}/{name}.safetensors": weights}
    return files


def zipped(**members):
    """The bytes of a zip archive of {name: content}; in a name, "__" stands for a dot."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return file.getvalue()


def tarred(name, content):
    """The bytes of a tar archive of one file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()
