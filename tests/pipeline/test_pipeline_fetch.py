import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from livegen.errors import FormatError, PipelineError
from livegen.pipeline import fetch as fetch_module
from livegen.pipeline.fetch import SHA256, fetch

DATA = bytes(range(256)) * 40


class Shelf(http.server.BaseHTTPRequestHandler):
    """A server with one file, which says of which version it is if its path asks for that."""

    def do_HEAD(self) -> None:
        self.send_response(404 if "gone" in self.path else 200)
        self.send_header("Content-Length", str(len(DATA) + ("short" in self.path)))
        if "plain" not in self.path:
            self.send_header("ETag", '"one"')
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(DATA)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def shelf() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Shelf) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_folder_is_copied_but_for_hidden_files_and_what_was_there_goes(tmp_path: Path) -> None:
    songs, out = tmp_path / "songs", tmp_path / "out"
    (songs / "deep").mkdir(parents=True)
    (songs / "deep" / "a.mid").write_bytes(b"a")
    (songs / ".DS_Store").write_bytes(b"b")
    out.mkdir()
    (out / "old.mid").write_bytes(b"c")
    fetch(str(songs), out)
    assert [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()] == ["deep/a.mid"]
    with pytest.raises(FormatError, match="give a folder beside it"):
        fetch(str(songs), songs / "out")
    with pytest.raises(FormatError, match="which has no SHA-256"):
        fetch(str(songs), out, "00")
    assert (out / "deep" / "a.mid").is_file()


def test_a_file_and_an_address_are_checked_by_their_hash(tmp_path: Path, shelf: str) -> None:
    (tmp_path / "songs.tar.gz").write_bytes(DATA)
    right = hashlib.sha256(DATA).hexdigest()
    shares: list[float] = []
    for source in (str(tmp_path / "songs.tar.gz"), f"{shelf}/some/songs.tar.gz?x=1"):
        out = tmp_path / "out"
        fetch(source, out, right.upper(), shares.append)
        assert {path.name: path.read_bytes() for path in out.iterdir()} == {"songs.tar.gz": DATA}
        with pytest.raises(FormatError, match=f"has the SHA-256 {right} where 0000 is wanted"):
            fetch(source, out, "0000")
        assert (out / "songs.tar.gz").read_bytes() == DATA
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "songs.tar.gz"]
    assert shares[-1] == 1.0


@pytest.mark.parametrize("name", SHA256)
def test_an_archive_with_a_name_of_nesmdb_must_be_that(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DATA)
    with pytest.raises(FormatError, match=f"where {SHA256[name]} is wanted"):
        fetch(str(tmp_path / name), tmp_path / "out")


def test_what_cannot_be_fetched_is_told_in_a_sentence(
    tmp_path: Path, shelf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source, says in (
        (str(tmp_path / "nothing"), "there are no songs at"),
        (f"{shelf}/gone.tar", "cannot be fetched: HTTP Error 404"),
        (f"{shelf}/short.tar", "cannot be fetched|ended after"),
        ("http://127.0.0.1:1/x", "cannot be fetched"),
        ("http://[", "."),
    ):
        with pytest.raises(FormatError, match=says):
            fetch(source, tmp_path / "out")
    monkeypatch.setattr(fetch_module, "_MOST_BYTES", 100)
    with pytest.raises(FormatError, match="no data set of songs"):
        fetch(f"{shelf}/large.tar", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_address_is_a_dependency_by_what_its_server_calls_its_version(tmp_path: Path, shelf: str) -> None:
    pytest.importorskip("yaml", reason="PyYAML is not installed: install the extra train")
    from livegen.pipeline.lock import entry_of
    from livegen.pipeline.stages import Stage

    def entry(name: str) -> dict:
        stage = Stage("fetch", "x", (f"{shelf}/{name}",), (), {})
        return entry_of(stage, tmp_path)["deps"][0]

    assert entry("a") == {"path": f"{shelf}/a", "hash": "md5", "checksum": '"one"', "size": len(DATA)}
    for name in ("plain", "gone"):
        with pytest.raises(PipelineError, match="of which version"):
            entry(name)
