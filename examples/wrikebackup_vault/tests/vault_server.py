"""As much of Vault as its documentation says of reading from the KV engine, version 2: one mount `secret`, one token."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

METADATA = {"created_time": "2026-05-09T12:00:00Z", "custom_metadata": None, "destroyed": False, "version": 1}


class Vault(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, token):
        super().__init__(("127.0.0.1", 0), Handler)
        self.token, self.sealed, self.moved, self.page = token, False, None, None
        self.secrets = {}  # by path; None for a deleted one
        self.asked = []  # headers of requests, by small letters

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path, headers):
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if headers.get("x-vault-token") != self.token:
            return 403, {"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}
        if not path.startswith("/v1/secret/"):
            route = path.removeprefix("/v1/")
            return 404, {"errors": [f'no handler for route "{route}". route entry not found.']}
        name = path.removeprefix("/v1/secret/data/")
        if name not in self.secrets:
            return 404, {"errors": []}
        data = self.secrets[name]
        deleted = "" if data is not None else "2026-05-10T12:00:00Z"
        answer = {"data": {"data": data, "metadata": {**METADATA, "deletion_time": deleted}}}
        return 404 if deleted else 200, {"request_id": "r", "lease_id": "", "renewable": False, "auth": None, **answer}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        vault = self.server
        vault.asked.append({name.lower(): value for name, value in self.headers.items()})
        status, said = vault.answer(unquote(urlsplit(self.path).path), vault.asked[-1])
        body = vault.page or json.dumps(said).encode()
        self.send_response(307 if vault.moved else status)
        if vault.moved:
            self.send_header("Location", f"{vault.moved}{self.path}")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@contextlib.contextmanager
def running(token):
    vault = Vault(token)
    thread = threading.Thread(target=vault.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield vault
    finally:
        vault.shutdown()
        thread.join()
        vault.server_close()
