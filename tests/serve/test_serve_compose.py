"""The Dockerfile is linted, and what compose.yaml says is started, with Debian's redis-server in place of Valkey."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from livegen_process import CHECKOUT, START_SECONDS, environment
from redis_server import redis_server
from serve_parts import give_up
from waiting import wait_until

from livegen.serve.place import Place
from livegen.serve.work.band import Band

COMPOSE: Any = yaml.safe_load((CHECKOUT / "compose.yaml").read_text("utf-8"))
SECRETS = {"LIVEGEN_QUEUE_PASSWORD": "a-long-random-password", "LIVEGEN_TOKEN": "a-long-random-token"}


def filled(text: str, places: dict[str, str]) -> str:
    """Return a word of compose.yaml with its variables, and with places of this machine for those of a container."""
    text = re.sub(r"\$\{(\w+)[^}]*\}", lambda found: SECRETS[found[1]], text)
    for place, here in places.items():
        text = text.replace(place, here)
    return text


def test_the_dockerfile_is_clean() -> None:
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        give_up("hadolint is not on the PATH: the extra test-serve brings it")
    linted = subprocess.run(
        [hadolint, CHECKOUT / "Dockerfile"], capture_output=True, text=True, timeout=START_SECONDS, check=False
    )
    assert (linted.returncode, linted.stdout) == (0, ""), linted.stdout + linted.stderr


def test_the_image_has_what_it_needs_and_no_more() -> None:
    lines = (CHECKOUT / "Dockerfile").read_text("utf-8")
    assert '".[serve]"' in lines
    assert "train" not in lines
    assert re.findall(r"^USER (.*)$", lines, re.M) == ["10001"]
    sent = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text("utf-8").split() if line.startswith("!")}
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    build = project["tool"]["hatch"]["build"]
    named = {*build["targets"]["wheel"]["only-include"], build["hooks"]["custom"]["path"]}
    assert sent == {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"], *named}
    assert all((CHECKOUT / name).exists() for name in sent)


def test_the_queue_is_reached_by_its_own_alone() -> None:
    queue = COMPOSE["services"]["queue"]
    words = [filled(word, {}) for word in queue["command"]]
    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert options["--bind"] == "127.0.0.1"
    assert options["--requirepass"] == SECRETS["LIVEGEN_QUEUE_PASSWORD"]
    assert options["--appendonly"] == "yes"
    assert queue["image"].startswith("valkey/valkey:")
    assert all(port.startswith("127.0.0.1:") for port in queue["ports"])
    for name in ("serve", "worker"):
        assert COMPOSE["services"][name]["network_mode"] == "service:queue"
        assert "ports" not in COMPOSE["services"][name]


@contextmanager
def container(name: str, folder: Path, port: int, *options: str) -> Iterator[Path]:
    """Run a container's command as a process, with more options, and yield the file of what it says."""
    service = COMPOSE["services"][name]
    places = {"127.0.0.1:6379": f"127.0.0.1:{port}", "9126": "0", "/data": str(folder)}
    words = folder / "words.txt"
    folder.mkdir()
    with words.open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "livegen", *(filled(word, places) for word in service["command"]), *options],
            cwd=CHECKOUT,
            env=environment() | {key: filled(value, {}) for key, value in service["environment"].items()},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        try:
            yield words
        finally:
            process.kill()
            process.wait()


def test_what_compose_says_plays(tmp_path: Path) -> None:
    """With the quickest model, no streams and one worker: that is what a busy machine starts soon enough."""
    assert COMPOSE["services"]["worker"]["deploy"]["replicas"] == 2
    command = COMPOSE["services"]["queue"]["command"]
    assert command[0] == "valkey-server"
    own = ("--bind", "--port", "--dir")  # the test's server has a port and a folder of its own
    pairs = zip(command[1::2], command[2::2], strict=True)
    options = [filled(word, {}) for pair in pairs if pair[0] not in own for word in pair]
    (tmp_path / "queue").mkdir()
    Band(Place(tmp_path, ("solo",)).open_shelf()).warm_own()  # compiled here, it is quick there
    with (
        redis_server(tmp_path / "queue", options) as server,
        container("serve", tmp_path / "serve", server.port, "--models", "solo", "--streams", "0") as words,
        container("worker", tmp_path / "worker", server.port, "--models", "solo"),
    ):
        assert wait_until(lambda: "token=" in words.read_text(), START_SECONDS), words.read_text()
        address = re.search(r":(\d+)/\?token=a-long-random-token", words.read_text())
        assert address, words.read_text()
        url = f"http://127.0.0.1:{address[1]}"
        with httpx.Client(base_url=url, timeout=START_SECONDS, trust_env=False) as client:
            job = client.post("/predictions/solo", json={"seconds": 0.5, "seed": 1}).json()
            assert wait_until(lambda: client.get(f"/jobs/{job['id']}").json()["state"] == "done", START_SECONDS)
            assert client.get(f"/jobs/{job['id']}/result.mid").content[:4] == b"MThd"
            assert client.get("/jobs").json()["workers"] == 1
