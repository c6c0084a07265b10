"""A ClickHouse server for tests: as much of its HTTP interface as the client speaks, before an embedded engine.

`python http_front.py <folder> <port> <n>` prints the port it listens on. The n-th insert of rows (0: none) is executed,
and then its connection is closed without an answer: what a client sees when a server dies at the wrong moment.
"""

import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import chdb

INSERT = re.compile(rb"(INSERT INTO .+?) ?FORMAT (\w+)\n")
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*$")
INSERTED = "Null"
TRANSPORT = {"query", "database", "session_id", "client_protocol_version", "wait_end_of_query", "query_id"}


class Front(BaseHTTPRequestHandler):
    """One engine; settings of a request are those of its connection to the engine."""

    protocol_version = "HTTP/1.1"
    engine = ""
    silent_at = 0
    inserts = 0

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """Ping."""
        self._answer(200, b"Ok.\n", {})

    def do_POST(self) -> None:
        """Run one statement."""
        options = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            data, used_format = self._run(options, body)
        except RuntimeError as error:
            code = re.search(r"Code: (\d+)", str(error))
            self._answer(400, str(error).encode(), {"X-ClickHouse-Exception-Code": code[1] if code else "1000"})
            return
        if used_format == INSERTED:
            type(self).inserts += 1
            if self.inserts == self.silent_at:
                self.close_connection = True
                return
        self._answer(200, data, {"X-ClickHouse-Format": used_format})

    def _run(self, options: dict[str, str], body: bytes) -> tuple[bytes, str]:
        connection = chdb.connect(self.engine)  # type: ignore[no-untyped-call]
        try:
            if database := options.get("database"):
                connection.query(f"USE {database}")
            for name, value in sorted(options.items(), key=lambda item: item[0] == "readonly"):
                if name not in TRANSPORT and not name.startswith("param_"):
                    connection.query(f"SET {name} = '{value}'")
            asking = options.get("query", "").encode() + body
            if insert := INSERT.match(asking):
                with tempfile.NamedTemporaryFile() as file:
                    file.write(asking[insert.end() :])
                    file.flush()
                    connection.query(f"{insert[1].decode()} FROM INFILE '{file.name}' FORMAT {insert[2].decode()}")
                return b"", INSERTED
            sql = asking.decode().strip()
            found = FORMAT.search(sql)
            used_format = found[1] if found else "TabSeparated"
            parameters = {
                name.removeprefix("param_"): text for name, text in options.items() if name.startswith("param_")
            }
            return connection.query(sql, used_format, params=parameters).bytes() or b"", used_format
        finally:
            connection.close()

    def _answer(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(data)), "X-ClickHouse-Timezone": "UTC"}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def main() -> None:
    """Serve until stdin ends."""
    Front.engine, port, Front.silent_at = str(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    keep = chdb.connect(Front.engine)  # type: ignore[no-untyped-call]
    server = ThreadingHTTPServer(("127.0.0.1", port), Front)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()
    serving.join()
    server.server_close()
    keep.close()


if __name__ == "__main__":
    main()
