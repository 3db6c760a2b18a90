"""An S3 server, a real one in a process of its own on loopback, and stores in it."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import obstore
import pytest
from obstore.store import S3Store

BUCKET = "results"
KEYS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests"}
NOT_SET = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3")
_LINE = re.compile(r'"(?:\x1b\[\d+m)*(GET|HEAD|PUT|POST|DELETE) /([^? ]*)')


class Server:
    """A running server with a bucket ``results``, and the log of what it was asked."""

    def __init__(self, address: str, log: Path) -> None:
        self.address, self._log = address, log

    def client(self, prefix: str) -> S3Store:
        """The objects below a prefix of the bucket."""
        plain = {"allow_http": True}
        keys = {"access_key_id": "tests", "secret_access_key": "tests"}
        return S3Store(
            BUCKET,
            prefix=prefix,
            endpoint=self.address,
            region="us-east-1",
            client_options=plain,
            **keys,
        )

    def upload(self, folder: str, prefix: str) -> str:
        """Copy a folder, files as they are; the root of the copy."""
        client = self.client(prefix)
        for file in Path(folder).rglob("*"):
            if file.is_file():
                obstore.put(client, file.relative_to(folder).as_posix(), file.read_bytes())
        return f"s3://{BUCKET}/{prefix}"

    def content(self, prefix: str) -> dict[str, str | None]:
        """Every object below a prefix, and what tells that it changed."""
        return {
            found["path"]: found["e_tag"]
            for chunk in obstore.list(self.client(prefix))
            for found in chunk
        }

    @contextlib.contextmanager
    def asked(self) -> Iterator[set[tuple[str, str]]]:
        """What the server is asked within the block: method, and key as it is stored."""
        before = self._log.stat().st_size
        found: set[tuple[str, str]] = set()
        yield found
        text = self._settled()[before:].decode()
        asked = ((how, unquote(path)) for how, path in _LINE.findall(text))
        prefix = f"{BUCKET}/"
        found |= {(how, path[len(prefix) :]) for how, path in asked if path.startswith(prefix)}

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Keys are looked at within the block, and those of the tests are nobody's."""
        self._check_keys_after("0")
        try:
            yield
        finally:
            self._check_keys_after("inf")

    def _check_keys_after(self, requests: str) -> None:
        asked = urllib.request.Request(
            f"{self.address}/moto-api/reset-auth",
            data=requests.encode(),
            headers={"Content-Type": "text/plain"},
        )
        urllib.request.urlopen(asked, timeout=30).close()

    def _settled(self) -> bytes:
        """The log: a request is in it only behind its answer, so one more is sent and waited for."""
        mark = f"/mark-{time.monotonic_ns()}"
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{self.address}{mark}", timeout=30)
        until = time.monotonic() + 30
        while mark.encode() not in (log := self._log.read_bytes()):
            assert time.monotonic() < until
            time.sleep(0.01)
        return log


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server, one for all tests of a process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("moto_server")
    log = tmp_path_factory.mktemp("s3") / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [program, "-H", "127.0.0.1", "-p", str(port)], stdout=file, stderr=file
        )
    try:
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 60
        while not _answers(address):
            assert process.poll() is None, "the S3 server ended"
            assert time.monotonic() < until, "the S3 server does not answer"
            time.sleep(0.1)
        made = urllib.request.Request(f"{address}/{BUCKET}", method="PUT")
        urllib.request.urlopen(made, timeout=30).close()
        yield Server(address, log)
    finally:
        process.terminate()
        process.wait(30)


def _answers(address: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=1):
        return True
    return False


@contextlib.contextmanager
def leading_to(server: Server) -> Iterator[None]:
    """The usual variables of the environment, as they lead to the server."""
    with pytest.MonkeyPatch.context() as patch:
        for name in NOT_SET:
            patch.delenv(name, raising=False)
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": server.address}.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def s3(s3_server: Server) -> Iterator[Server]:
    """The server, with the variables of the environment that lead to it."""
    with leading_to(s3_server):
        yield s3_server
