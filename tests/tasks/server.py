"""A stand-in for the servers that data is fetched from."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Dict, List
from urllib.parse import unquote

BROKEN = "broken"


class Server(ThreadingHTTPServer):
    """Answers with `files` by path; what is below /broken ends in the middle.

    asked (List[str]): The paths that were asked for.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: Dict[str, bytes] = {}
        self.asked: List[str] = []
        self.chunked = False
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(self.path)
        self.server.asked.append(path)
        content = self.server.files.get(path.removeprefix(f"/{BROKEN}"))
        if content is None:
            self.send_error(404)
            return
        broken = path.startswith(f"/{BROKEN}")
        self.send_response(200)
        if self.server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
            self.wfile.write(b"" if broken else b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if broken else content)
        self.close_connection = broken

    def log_message(self, *args: object) -> None:
        pass
