"""The service's routes: words, answers, errors, doors and bounds."""

import base64
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from livegen_process import CHECKOUT
from prometheus_client.parser import text_string_to_metric_families
from serve_parts import order_of
from served import ELSEWHERE, TOKEN, Served, files_under, serving

from livegen.engines.cast import Cast
from livegen.formats.score.kinds import read_score
from livegen.offline.batch import Renders, render_all
from livegen.offline.convert import Options, convert
from livegen.serve.http.settings import Limits
from livegen.serve.place import Place
from livegen.serve.shelf.shelf import Model
from livegen.serve.work.band import StoppedError

ASKED = {"seconds": 0.5, "seed": 7, "controls": {"temperature": 1.1}}


@pytest.fixture
def served(place: Place, tiny: Model) -> Iterator[Served]:
    with serving(place) as running:
        yield running


def assert_problem(answer, status: int, words: str) -> None:  # type: ignore[no-untyped-def]
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said.keys() == {"type", "title", "status", "detail"}
    assert said["status"] == status
    assert words in said["detail"]
    assert "\n" not in said["detail"]
    assert "Traceback" not in said["detail"]


def test_the_models_are_listed(served: Served, tiny: Model) -> None:
    models = {model["name"]: model for model in served.client().get("/models").json()}
    assert set(models) == {"default", "tiny"}
    assert models["default"]["is_own"]
    assert models["tiny"] == {
        "name": "tiny",
        "kind": "lstm",
        "about": "",
        "voices": ["p1", "p2", "tr", "no"],
        "hash": tiny.hash,
        "bytes": tiny.n_bytes,
        "is_own": False,
        "workers": 0,
    }


def test_what_is_asked_for_is_what_livegen_render_makes(served: Served, model: Path, tmp_path: Path) -> None:
    client = served.client()
    answer = client.post("/predictions/tiny", json=ASKED)
    assert answer.status_code == 202
    job = answer.json()
    assert (job["state"], job["results"]) == ("queued", {})
    assert answer.headers["location"] == f"/jobs/{job['id']}"
    assert_problem(client.get(f"/jobs/{job['id']}/result.wav"), 409, "is queued: a result is there once it is done")
    assert served.play() == 1
    again = client.post("/predictions/tiny?wait=5", json=ASKED)
    assert again.status_code == 200
    assert again.json()["id"] == job["id"]
    assert served.play() == 0
    done = client.get(answer.headers["location"]).json()
    assert (done["state"], done["progress"], done["attempts"]) == ("done", 1.0, 1)
    files = {}
    for kind, address in done["results"].items():
        got = client.get(address)
        assert got.status_code == 200
        files[kind] = tmp_path / f"got.{kind}"
        files[kind].write_bytes(got.content)
        assert client.get(address).content == got.content
    assert set(files) == {"wav", "flac", "mid", "vgm", "nsf", "npz", "png"}
    for kind in ("mid", "npz"):
        own = tmp_path / f"own.{kind}"
        renders = Renders((own,), (7,), 12, Cast(str(model)), controls={"temperature": 1.1})
        assert [one.error for one in render_all(renders)] == [None]
        np.testing.assert_array_equal(read_score(files[kind]), read_score(own))
    wav, flac = (soundfile.read(files[kind])[0] for kind in ("wav", "flac"))
    assert np.abs(wav).max() > 0.01
    np.testing.assert_array_equal(wav, flac)
    assert files["nsf"].read_bytes()[:5] == b"NESM\x1a"
    assert files["vgm"].read_bytes()[:4] == b"Vgm "
    assert files["png"].read_bytes()[:4] == b"\x89PNG"


def test_a_seed_is_drawn_where_none_is_given(served: Served) -> None:
    seeds = {served.client().post("/predictions/tiny", json={"seconds": 0.5}).json()["seed"] for _ in range(3)}
    assert len(seeds) == 3


def test_a_prompt_that_cannot_be_read_fails_in_a_sentence(served: Served) -> None:
    prompt = {"kind": ".mid", "data": "QUJD"}
    job = served.client().post("/predictions/tiny", json={**ASKED, "prompt": prompt}).json()
    served.play()
    failed = served.client().get(f"/jobs/{job['id']}").json()
    assert failed["state"] == "failed"
    assert failed["error"]
    assert "/tmp" not in failed["error"]


def test_a_prompt_plays_as_livegen_render_plays_it(served: Served, model: Path, tmp_path: Path) -> None:
    client = served.client()
    first = client.post("/predictions/tiny", json=ASKED).json()
    served.play()
    midi, score = tmp_path / "prompt.mid", tmp_path / "prompt.npz"
    midi.write_bytes(client.get(f"/jobs/{first['id']}/result.mid").content)
    convert(midi, score, Options())
    for given in (midi, score):
        prompt = {"kind": given.suffix, "data": base64.b64encode(given.read_bytes()).decode()}
        job = client.post("/predictions/tiny", json={**ASKED, "prompt": prompt}).json()
        served.play()
        got, own = tmp_path / "got.mid", tmp_path / "own.mid"
        got.write_bytes(client.get(f"/jobs/{job['id']}/result.mid").content)
        renders = Renders((own,), (7,), 12, Cast(str(model)), prompt=given, controls={"temperature": 1.1})
        assert [one.error for one in render_all(renders)] == [None]
        np.testing.assert_array_equal(read_score(got), read_score(own))


def test_one_that_is_deleted_is_gone_with_its_files(served: Served) -> None:
    client = served.client()
    job = client.post("/predictions/tiny", json=ASKED).json()
    served.play()
    client.get(f"/jobs/{job['id']}/result.mid")
    assert any(job["id"] in name for name in files_under(served.place.folder))
    assert client.delete(f"/jobs/{job['id']}").status_code == 204
    assert_problem(client.get(f"/jobs/{job['id']}"), 404, "there is no job")
    assert_problem(client.get(f"/jobs/{job['id']}/result.mid"), 404, "there is no job")
    assert_problem(client.delete(f"/jobs/{job['id']}"), 404, "there is no job")
    assert not any(job["id"] in name for name in files_under(served.place.folder))


def test_a_worker_stops_between_frames_when_its_job_is_cancelled(served: Served, tiny: Model) -> None:
    order = order_of(tiny, seconds=600)
    told: list[float] = []

    def on_frame(done: float) -> bool:
        told.append(done)
        return len(told) < 3

    with pytest.raises(StoppedError):
        served.band.play(order, on_frame)
    assert told == [1 / order.n_frames, 2 / order.n_frames, 3 / order.n_frames]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/predictions/nobody", ASKED, 404, "there is no model 'nobody': there is "),
        ("POST", "/predictions/..%2Fdefault", ASKED, 404, "there is nothing at this address"),
        ("POST", "/predictions/Default", ASKED, 422, "name: "),
        ("POST", "/predictions/tiny", {"seconds": 1e9}, 422, "seconds: Input should be less than or equal to 600"),
        ("POST", "/predictions/tiny", {"controls": {"x": 1}}, 422, "'x' is no control"),
        ("POST", "/predictions/tiny", None, 422, "Field required"),
        ("POST", "/predictions/tiny?wait=61", ASKED, 422, "wait"),
        ("GET", "/jobs/xyz", None, 422, "id: "),
        ("GET", "/jobs/" + 32 * "0" + "/result.exe", None, 422, "kind"),
        ("GET", "/nowhere", None, 404, "there is nothing at this address"),
        ("DELETE", "/models/default", None, 409, "'default' is livegen's own: it stays"),
        ("DELETE", "/models/nobody", None, 404, "there is no model 'nobody'"),
        ("PUT", "/models/tiny", None, 422, "workers"),
        ("PUT", "/models/tiny?workers=1000", None, 422, "workers"),
        ("PATCH", "/models", None, 405, "PATCH means nothing here"),
        ("GET", "/page/..%2F..%2Fplace.py", None, 404, ""),
        ("GET", "/stream/nobody", None, 404, "there is no model 'nobody'"),
        ("GET", "/health/ready", None, 503, "no worker is warm yet"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(served: Served, method, path, body, status, words) -> None:  # type: ignore[no-untyped-def]
    assert_problem(served.client().request(method, path, json=body), status, words)


def test_no_more_workers_than_the_machine_bears(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livegen.serve.work.pool.n_cores", lambda: 2)
    answer = served.client().put("/models/tiny?workers=9")
    assert_problem(answer, 409, "9 workers beside 0 others are too many for this machine: it bears 8 in all")
    assert served.client().put("/models/tiny?workers=0").json()["workers"] == 0


def test_json_that_is_none_is_told_too(served: Served) -> None:
    for content in (b"{", b"[" * 100_000, b'{"seed": ' + b"9" * 5000 + b"}", b"\xff"):
        answer = served.client().post(
            "/predictions/tiny", content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"


def test_bodies_are_bounded_whatever_they_claim(served: Served) -> None:
    client = served.client()
    json = {"content-type": "application/json"}
    assert_problem(
        client.post("/predictions/tiny", content=b"x", headers={**json, "content-length": str(10 << 30)}), 413, "2 MiB"
    )
    pieces = (b" " * (1 << 20) for _ in range(4))  # no length is claimed
    assert_problem(client.post("/predictions/tiny", content=pieces, headers=json), 413, "2 MiB")


def test_a_client_may_have_so_many_jobs_and_ask_so_often(place: Place, tiny: Model) -> None:
    with serving(place, Limits(jobs=2, rate=0.5, streams=1)) as served:
        client = served.client()
        for seed in (1, 2):
            assert client.post("/predictions/tiny", json={**ASKED, "seed": seed}).status_code == 202
        answer = client.post("/predictions/tiny", json={**ASKED, "seed": 3})
        assert_problem(answer, 429, "2 of your jobs are not done yet")
        assert int(answer.headers["retry-after"]) >= 1
        assert client.post("/predictions/tiny", json={**ASKED, "seed": 2}).status_code == 202
        answers = [client.post("/predictions/nobody", json=ASKED) for _ in range(12)]
        assert_problem(answers[-1], 429, "you ask more than 0.5 times a second")
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert client.get("/jobs").json()["queued"] == 2


def test_another_machine_must_show_the_token(place: Place, tiny: Model) -> None:
    with serving(place, token=TOKEN) as served:
        other = served.client(ELSEWHERE)
        assert_problem(other.get("/models"), 401, "must show the token")
        assert other.get("/models", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert_problem(other.get("/models", headers={"authorization": "Bearer wrong"}), 401, "token")
        assert other.get(f"/?token={TOKEN}", follow_redirects=False).headers["location"] == "/"
        assert other.get("/models").status_code == 200  # it has the cookie now


def test_pages_of_other_sites_are_kept_out(served: Served) -> None:
    client = served.client()
    assert_problem(client.get("/models", headers={"host": "evil.example"}), 403, "is not called")
    for method, path in (("POST", "/models"), ("PUT", "/models/tiny?workers=1"), ("DELETE", "/models/tiny")):
        answer = client.request(method, path, headers={"origin": "http://evil.example"})
        assert_problem(answer, 403, "a page of another site")
    answer = client.get("/models", headers={"origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_prometheus_finds_what_it_counts(served: Served) -> None:
    client = served.client()
    client.post("/predictions/tiny", json=ASKED)
    client.post("/predictions/nobody", json=ASKED)
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found["livegen_jobs_queued",] == 1
    assert found["livegen_queue_up",] == 1
    assert found["livegen_models",] == 2
    assert found["livegen_requests_total", "POST", "202"] == 1
    assert found["livegen_requests_total", "POST", "404"] == 1


def test_the_pages_name_files_that_there_are(served: Served) -> None:
    client = served.client()
    for page in ("/", "/docs"):
        text = client.get(page).text
        for path in re.findall(r'(?:src|href)="(/page/[^"]+)"', text):
            assert client.get(path).status_code == 200


def test_the_documents_list_every_request(served: Served) -> None:
    told = set()
    for row in re.findall(r"^\| (`.*?) \|", (CHECKOUT / "docs/serve.md").read_text("utf-8"), re.M):
        requests = re.findall(r"`(?:(GET|POST|PUT|DELETE) )?(/[^`?]*)", row)
        method = requests[0][0]
        for _, path in requests:
            path = path.replace("NAME", "{name}").replace("ID", "{id}").replace("result.wav", "result.{kind}")
            told.add((method.lower(), path))
    paths = served.client().get("/openapi.json").json()["paths"]
    assert told == {(method, path) for path, methods in paths.items() for method in methods}


def test_a_zip_is_no_score(served: Served) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("frames.npy", b"\0" * (8 << 20))
    prompt = {"kind": ".npz", "data": base64.b64encode(packed.getvalue()).decode()}
    job = served.client().post("/predictions/tiny", json={**ASKED, "prompt": prompt}).json()
    served.play()
    assert served.client().get(f"/jobs/{job['id']}").json()["state"] == "failed"
