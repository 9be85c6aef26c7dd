"""Watching runs: on loopback alone, built anew when something changes, never half a site."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dfbench.errors import ResourceError, ResultError
from dfbench_leaderboard.site import serve as module
from dfbench_leaderboard.site.serve import HOST, marks, serve


class Watch:
    """A site that says how often it was built, served in a thread."""

    def __init__(self, folder: Path) -> None:
        self.site, self.run = folder / "site", folder / "result.json"
        self.said: list[str] = []
        self.built = 0
        self.broken: Exception | None = None
        self.stop = threading.Event()
        (folder / "secret.txt").write_text("not of the site")
        self.run.write_text("{}")
        self.thread = threading.Thread(target=self.go)

    def go(self) -> None:
        serve(self.build, lambda: [self.run], self.site, 0, self.said.append, self.stop)

    def build(self) -> str:
        if self.broken is not None:
            raise self.broken
        self.built += 1
        (self.site / "runs").mkdir(parents=True, exist_ok=True)
        (self.site / "index.html").write_text(f"build {self.built}")
        return f"built {self.built}"

    def get(self, path: str = "/", host: str | None = None) -> tuple[int, str]:
        port = next(int(line.split(":")[2].split("/")[0]) for line in self.said if "http" in line)
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        connection.request("GET", path, headers={"Host": host or f"{HOST}:{port}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def until(true: Callable[[], bool]) -> None:
    for _ in range(1500):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen within 30 s")


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    monkeypatch.setattr(module, "EVERY_S", 0.05)
    made = Watch(tmp_path)
    made.thread.start()
    until(lambda: len(made.said) > 1)
    yield made
    made.stop.set()
    made.thread.join(60)
    assert not made.thread.is_alive()


def test_it_is_built_anew_when_a_run_changes_and_not_otherwise(watch: Watch) -> None:
    assert watch.get() == (200, "build 1")
    time.sleep(0.3)
    assert watch.built == 1
    watch.run.write_text('{"more": 1}')
    until(lambda: watch.get() == (200, "build 2"))


@pytest.mark.parametrize("error", [ResultError("a run is torn"), OSError("a run is torn")])
def test_a_failed_build_is_said_and_the_old_site_stays(watch: Watch, error: Exception) -> None:
    watch.broken = error
    watch.run.write_text("torn")
    until(lambda: "not built anew: a run is torn" in watch.said)
    assert watch.get() == (200, "build 1")


def test_it_serves_the_site_alone_and_to_this_machine_alone(watch: Watch) -> None:
    assert watch.get("/../secret.txt")[0] == 404
    assert watch.get("/%2e%2e/secret.txt")[0] == 404
    assert watch.get("/runs/")[0] == 404  # no listing
    assert watch.get(host="evil.example:80")[0] == 403
    assert watch.get(host="localhost")[0] == 200


def test_it_listens_on_loopback_and_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        with pytest.raises(ResourceError, match="choose another --port"):
            serve(lambda: "", list, tmp_path, taken.getsockname()[1], print)
    assert HOST == "127.0.0.1"


def test_ctrl_c_ends_it_and_frees_the_port(tmp_path: Path) -> None:
    class Interrupted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002
            raise KeyboardInterrupt

    said: list[str] = []
    serve(lambda: "built", list, tmp_path, 0, said.append, Interrupted())
    assert (said[0], said[-1]) == ("built", "stopped")
    with socket.socket() as again:
        again.bind((HOST, int(said[1].split(":")[2].split("/")[0])))


def test_it_rests_longer_where_a_look_takes_long(tmp_path: Path) -> None:
    rests = []

    class Twice(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            rests.append(timeout or 0)
            return len(rests) > 1

    def slow() -> list[Path]:
        time.sleep(0.3)
        return []

    serve(lambda: "", slow, tmp_path, 0, lambda line: None, Twice())
    assert rests[0] == 2.0
    assert rests[1] > 8 * 0.3


def test_a_file_that_is_gone_is_a_change(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text("{}")
    before = marks([file])
    file.unlink()
    assert marks([file]) != before
