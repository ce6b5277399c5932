"""A file server on 127.0.0.1 that stands in for the hosts of weights and data sets: ranges, and their bad habits.

    with FileServer({"/model.pth": b"..."}) as server:
        server.url + "/model.pth"

A path's content is bytes, or a function of the handler. `server.requests` lists (method, path, Range header).
"""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer:
    def __init__(self, files, ranges=True, pause=0.0):
        self.files, self.requests = dict(files), []
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
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
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
        start = 0
        if self.ranges and handler.headers.get("Range"):
            start = int(handler.headers["Range"].removeprefix("bytes=").partition("-")[0])
            if start >= len(content):
                return handler.send_error(416)
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send(handler, content[start:], body)

    def send(self, handler, content, body=True, headers=()):
        """The rest of an answer, slowly if `pause` (seconds a 64 kB) says so."""
        for name, value in (*headers, ("Content-Length", str(len(content)))):
            handler.send_header(name, value)
        handler.end_headers()
        try:
            for first in range(0, len(content) if body else 0, 65536):
                handler.wfile.write(content[first : first + 65536])
                time.sleep(self.pause)
        except OSError:  # the client was killed
            pass
