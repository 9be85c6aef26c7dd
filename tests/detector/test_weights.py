"""Weights: fetched whole or not at all, known by sha256, never code, never random numbers."""

from __future__ import annotations

import hashlib
import os
import pickle
import random
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h5py
import numpy as np
import pytest
import safetensors.torch
import torch

from dfbench import load_detector
from dfbench.catalogue.cards import DetectorCard, WeightsFile
from dfbench.detector.tensors import read_tensors
from dfbench.detector.weights import add, fetch, locate, stored_at, verify
from dfbench.errors import ResourceError, WeightsError

DATA = random.Random(0).randbytes(1 << 20)
SHA = hashlib.sha256(DATA).hexdigest()


class Server(ThreadingHTTPServer):
    """Answers one request after the other as ``script`` says; the last entry is repeated."""

    def __init__(self, *script: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.ranges = list(script), []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/net.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        script = self.server.script
        what = script.pop(0) if len(script) > 1 else script[0]
        if what.isdecimal():
            self.send_error(int(what))
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if what == "no ranges":
            start = 0
        body = b"<html>log in</html>" if what == "page" else DATA[start:]
        if what == "other":
            body = DATA[::-1]
        if start >= len(DATA):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        kind = "text/html; charset=utf-8" if what == "page" else "application/octet-stream"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if what == "breaks off" else body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    running: list[Server] = []

    def start(*script: str) -> Server:
        running.append(Server(*script))
        threading.Thread(target=running[-1].serve_forever, args=(0.01,), daemon=True).start()
        return running[-1]

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def published(url: str | None, sha256: str | None = SHA, **about) -> WeightsFile:
    return WeightsFile(name="big", filename="net.bin", url=url, sha256=sha256, **about)


def left_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")


# --- fetching -------------------------------------------------------------------------------


def test_fetched_once_then_found(serve, tmp_path):
    server = serve("all")
    seen: list[tuple] = []
    card = published(server.url)
    found = fetch("net", card, tmp_path, lambda done, total: seen.append((done, total)))
    assert found.path == stored_at("net", card, tmp_path)
    assert (found.name, found.sha256) == ("big", SHA)
    assert found.path.read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert fetch("net", card, tmp_path) == found
    assert len(server.ranges) == 1


def test_a_server_in_trouble_is_asked_again(serve, tmp_path):
    server = serve("500", "503", "all")
    assert fetch("net", published(server.url), tmp_path).sha256 == SHA
    assert len(server.ranges) == 3


def test_a_broken_download_goes_on_where_it_stopped(serve, tmp_path):
    server = serve("breaks off", "breaks off", "all")
    assert fetch("net", published(server.url), tmp_path).path.read_bytes() == DATA
    assert server.ranges == [None, f"bytes={1 << 19}-", f"bytes={3 << 18}-"]


def test_a_broken_download_goes_on_in_a_later_process(serve, tmp_path):
    with pytest.raises(WeightsError, match="could not be fetched"):
        fetch("net", published(serve("breaks off", "500").url), tmp_path)
    assert not stored_at("net", published(None), tmp_path).exists()
    server = serve("all")
    assert fetch("net", published(server.url), tmp_path).sha256 == SHA
    assert server.ranges == [f"bytes={1 << 19}-"]


def test_a_server_without_ranges_starts_from_the_beginning(serve, tmp_path):
    server = serve("breaks off", "no ranges")
    # It answers 200 with everything: nothing may be appended to the half that is here.
    assert fetch("net", published(server.url), tmp_path).path.read_bytes() == DATA
    assert server.ranges[1] is not None


def test_a_part_that_is_whole_is_taken(serve, tmp_path):
    part = stored_at("net", published(None), tmp_path).with_name(".net.bin.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA)
    assert fetch("net", published(serve("all").url), tmp_path).sha256 == SHA


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (("404",), "404"),
        (("403",), "403"),
        (("500",), "500"),
        (("page",), "web page"),
        (("breaks off",), "ConnectionError|ChunkedEncodingError"),
    ],
)
def test_what_cannot_be_fetched_says_what_to_do(serve, tmp_path, script, says):
    server = serve(*script)
    with pytest.raises(WeightsError, match=says) as caught:
        fetch("net", published(server.url), tmp_path)
    assert "dfbench weights add net big FILE" in str(caught.value)
    assert server.url in str(caught.value)
    assert "net.bin" not in left_in(tmp_path)


def test_a_web_page_is_no_file_even_where_no_sha256_is_published(serve, tmp_path):
    with pytest.raises(WeightsError, match="web page"):
        fetch("net", published(serve("page").url, sha256=None), tmp_path)
    assert left_in(tmp_path) == []


def test_the_wrong_bytes_are_refused_and_not_continued(serve, tmp_path):
    with pytest.raises(WeightsError, match=rf"sha256 .*expected {SHA[:12]}"):
        fetch("net", published(serve("other").url), tmp_path)
    assert left_in(tmp_path) == []
    assert fetch("net", published(serve("all").url), tmp_path).sha256 == SHA


@pytest.mark.parametrize("script", [("404",), ("page",), ("other",), ("breaks off", "500")])
def test_a_second_address_is_tried_and_goes_on_with_nothing_of_the_first(serve, tmp_path, script):
    first, second = serve(*script), serve("all")
    card = published(first.url, mirrors=(second.url,))
    assert fetch("net", card, tmp_path).path.read_bytes() == DATA
    assert second.ranges == [None]


def test_the_first_digits_of_a_sha256_are_checked_and_the_rest_is_recorded(serve, tmp_path):
    with pytest.raises(WeightsError, match="sha256"):
        fetch("net", published(serve("other").url, sha256=SHA[:8]), tmp_path)
    card = published(serve("all").url, sha256=SHA[:8])
    path = fetch("net", card, tmp_path).path
    assert path.with_name("net.bin.sha256").read_text().strip() == SHA
    path.with_name("net.bin.sha256").write_text("0" * 64)
    with pytest.raises(WeightsError, match="expected 0000"):
        verify("net", card, path)


def test_without_a_network(tmp_path):
    with pytest.raises(WeightsError, match=r"ConnectionError.*dfbench weights add net big FILE"):
        fetch("net", published("http://127.0.0.1:9/net.bin"), tmp_path)
    card = published(None, page="https://example.org/nets")
    with pytest.raises(WeightsError, match=r"published at https://example.org/nets.*net\.bin"):
        fetch("net", card, tmp_path)


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ResourceError, match="--cache"):
        fetch("net", published("http://127.0.0.1:9/net.bin"), tmp_path / "cache")


def test_a_file_without_a_published_sha256_is_known_from_its_first_use(serve, tmp_path):
    card = published(serve("all").url, sha256=None)
    path = fetch("net", card, tmp_path).path
    assert verify("net", card, path) == SHA
    path.write_bytes(DATA[:-1] + b"x")
    with pytest.raises(WeightsError, match="sha256"):
        fetch("net", card, tmp_path)


def test_a_file_that_was_changed_in_the_cache_is_refused(serve, tmp_path):
    card = published(serve("all").url)
    fetch("net", card, tmp_path).path.write_bytes(DATA + b"x")
    with pytest.raises(WeightsError, match="Delete it"):
        fetch("net", card, tmp_path)


# --- adding and finding ---------------------------------------------------------------------


def test_added_by_hand(tmp_path):
    source = tmp_path / "mine.bin"
    source.write_bytes(DATA)
    card = published(None)
    found = add("net", card, source, tmp_path / "cache")
    assert found.path.read_bytes() == DATA
    assert fetch("net", card, tmp_path / "cache") == found
    source.write_bytes(DATA[:100])
    with pytest.raises(WeightsError, match=r"mine\.bin is not big of net"):
        add("net", card, source, tmp_path / "cache")
    assert found.path.read_bytes() == DATA
    with pytest.raises(WeightsError, match="does not exist"):
        add("net", card, tmp_path / "gone", tmp_path / "cache")


def test_locate_by_name_or_by_path_and_never_by_luck(tmp_path):
    card = DetectorCard(name="net", summary="", target="x:y", weights=(published(None),))
    own = tmp_path / "own.pt"
    own.write_bytes(b"abc")
    found = locate(card, str(own), tmp_path)
    assert (found.name, found.sha256) == ("own.pt", hashlib.sha256(b"abc").hexdigest())
    with pytest.raises(WeightsError, match=r"no weights 'bug' for net.*\(big\)"):
        locate(card, "bug", tmp_path)
    with pytest.raises(WeightsError, match="no direct address"):
        locate(card, "big", tmp_path)


# --- reading --------------------------------------------------------------------------------


class Evil:
    """Would leave a trace if anything ran it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_three_formats_give_the_same_tensors(tmp_path):
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4)}
    safetensors.torch.save_file(tensors, tmp_path / "x.safetensors")
    torch.save(tensors, tmp_path / "x.pth")
    torch.save(tensors, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name, value in tensors.items():
            file[f"layer/{name}"] = value.numpy()
    for name, prefix in (("x.safetensors", ""), ("x.pth", ""), ("old.pt", ""), ("x.h5", "layer/")):
        found = read_tensors(tmp_path / name)
        assert set(found) == {prefix + key for key in tensors}
        assert all(torch.equal(found[prefix + key], value) for key, value in tensors.items())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("how", ["torch", "old torch", "plain", "module"])
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, how):
    path, trace = tmp_path / "x.pt", tmp_path / "trace"
    evil = {"a": torch.ones(2), "e": Evil(trace)}
    if how == "plain":
        path.write_bytes(pickle.dumps(evil["e"]))
    elif how == "module":
        torch.save(torch.nn.Linear(2, 2), path)
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(WeightsError, match="more than plain weights") as caught:
        read_tensors(path)
    assert "\n" not in str(caught.value)
    assert not trace.exists()


@pytest.mark.parametrize("ending", ["safetensors", "h5", "pt"])
@pytest.mark.parametrize("damage", ["cut", "page", "empty", "gone"])
def test_damaged_files_are_named_in_one_line(tmp_path, ending, damage):
    path = tmp_path / f"x.{ending}"
    if ending == "safetensors":
        safetensors.torch.save_file({"a": torch.ones(999)}, path)
    elif ending == "h5":
        with h5py.File(path, "w") as file:
            file["a"] = np.ones(999)
    else:
        torch.save({"a": torch.ones(999)}, path)
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "page": b"<html>" * 20}.get(damage, b""))
    if damage == "gone":
        path.unlink()
    with pytest.raises(WeightsError, match=f"{path}.*(damaged|does not exist)") as caught:
        read_tensors(path)
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)  # never the advice to switch the safety off


@pytest.mark.parametrize("content", [[1, 2], torch.ones(3), {1: torch.ones(2)}])
def test_a_file_that_holds_something_else_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(WeightsError, match="table of"):
        read_tensors(tmp_path / "x.pt")


def test_weights_of_another_network_list_the_keys(tmp_path):
    path = tmp_path / "x.pt"
    own = load_detector("meso4").state_dict()
    strange = {k: v for k, v in own.items() if not k.endswith("head.4.bias")}
    strange["network.odd"] = torch.ones(2)
    strange["network.head.1.weight"] = torch.ones(3, 5)
    torch.save(strange, path)
    with pytest.raises(WeightsError) as caught:
        load_detector("meso4", path)
    for part in (
        str(path),
        "1 missing: network.head.4.bias",
        "1 unexpected: network.odd",
        "network.head.1.weight (3, 5) instead of (16, 1024)",
    ):
        assert part in str(caught.value)
    torch.save({**own, "network.head.4.bias": 3.0}, path)
    with pytest.raises(WeightsError, match=r"1 no tensors: network\.head\.4\.bias"):
        load_detector("meso4", path)


def test_own_weights_come_back_exactly(tmp_path):
    first = load_detector("meso4", seed=1)
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(first.state_dict(), path)
    again = load_detector("meso4", path, seed=2)
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in first.state_dict().items())
