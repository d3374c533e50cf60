"""What an installed livegen carries, and what it asks of the machine."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import livegen
from livegen.system.commit import commit
from livegen.system.resources import models_folder, patches_folder, user_data_folder

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

PATIENCE_SECONDS = 300.0
"""A build takes a second or two; but the machine may be busy."""

DISTRIBUTIONS = {
    "rtmidi": "python-rtmidi",
    "pythonosc": "python-osc",
    "llvmlite": "numba",
    "_cffi_backend": "sounddevice",
    "PIL": "pillow",
    "link": "LinkPython-extern",
    "yaml": "pyyaml",
    "mlflow": "mlflow-skinny",
    "prometheus_client": "prometheus-client",
}
"""Names on PyPI of modules that are called otherwise; llvmlite and cffi come with those that need them."""


def names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w-]+", requirement)[0].lower() for requirement in requirements}  # type: ignore[index]


def top_level_imports(folder: Path) -> set[str]:
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module).partition(".")[0])
    return found


def test_every_library_that_is_imported_is_declared() -> None:
    imported = top_level_imports(ROOT / "livegen") - set(sys.stdlib_module_names) - {"livegen"}
    extras = PROJECT["optional-dependencies"]
    declared = names(PROJECT["dependencies"]) | names(
        [requirement for name in ("train", "mlflow", "link", "serve", "bench") for requirement in extras[name]]
    )
    assert {DISTRIBUTIONS.get(name, name).lower() for name in imported} <= declared


def test_a_performer_downloads_no_torch() -> None:
    assert "torch" not in names(PROJECT["dependencies"]) | names(PROJECT["optional-dependencies"]["test"])
    assert "torch==2.13.0" in PROJECT["optional-dependencies"]["train"]


def test_a_performer_downloads_no_service_and_the_service_no_torch() -> None:
    service = names(PROJECT["optional-dependencies"]["serve"])
    assert {"fastapi", "rq", "redis"} <= service
    assert not service & names(PROJECT["dependencies"])
    assert "torch" not in service


def test_what_is_under_the_gpl_is_an_extra_of_its_own() -> None:
    extras = PROJECT["optional-dependencies"]
    others = [requirement for name, requirements in extras.items() if name != "link" for requirement in requirements]
    assert "linkpython-extern" in names(extras["link"]) - names(PROJECT["dependencies"]) - names(others)


def test_in_a_checkout_the_shipped_folders_are_beside_the_package() -> None:
    assert patches_folder() == ROOT / "patches"
    assert models_folder() == ROOT / "models"
    assert (patches_folder() / "plain.toml").is_file()


def test_the_environment_names_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVEGEN_DATA_DIR", raising=False)
    assert user_data_folder().name == "livegen"
    monkeypatch.setenv("LIVEGEN_DATA_DIR", str(tmp_path))
    assert user_data_folder() == tmp_path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a wheel and a source archive of the checkout."""
    pytest.importorskip("hatchling", reason="the extra `test` brings hatchling, which builds the wheel")
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    return folder


def test_what_is_built_again_has_the_same_bytes(built: Path, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    names = sorted(path.name for path in built.iterdir())
    assert len(names) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for name in names:
        assert (tmp_path / name).read_bytes() == (built / name).read_bytes()


@pytest.mark.skipif(not (ROOT / ".git").is_dir(), reason="this is no checkout, so nobody knows its commit")
def test_what_is_built_knows_its_commit(built: Path) -> None:
    (wheel,), (archive,) = built.glob("*.whl"), built.glob("*.tar.gz")
    said = zipfile.ZipFile(wheel).read("livegen/commit.txt").decode().strip()
    assert re.fullmatch(r"[0-9a-f]{40}", said)
    assert commit() == said[:9]
    with tarfile.open(archive) as packed:
        assert f"livegen-{livegen.__version__}/livegen/commit.txt" in packed.getnames()


def test_python_rtmidi_is_asked_for_where_it_has_wheels() -> None:
    (asked,) = [each for each in PROJECT["dependencies"] if each.startswith("python-rtmidi")]
    assert asked.endswith("python_version < '3.13'")
    assert names(PROJECT["optional-dependencies"]["midi"]) == {"python-rtmidi"}
    assert PROJECT["requires-python"] == ">=3.11"


def test_the_changelog_keeps_its_form() -> None:
    """That of https://keepachangelog.com/en/1.1.0/."""
    headings = re.findall(r"^(##+ .*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    version, kind = r"## \[?(Unreleased|\d+\.\d+\.\d+\]? - \d{4}-\d\d-\d\d)\]?", r"### (\w+)"
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert re.fullmatch(version, headings[0])
    for heading in headings:
        told = re.fullmatch(kind, heading)
        assert re.fullmatch(version, heading) or (told and told[1] in kinds), heading


def files_under(folder: Path) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_carries_code_patches_and_models_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in packed if name.startswith("livegen/patches/")} == {
        f"livegen/{name}" for name in files_under(ROOT / "patches")
    }
    assert {name for name in packed if name.startswith("livegen/models/")} == {
        f"livegen/{name}" for name in files_under(ROOT / "models")
    }
    modules = {name for name in files_under(ROOT / "livegen") if name.endswith(".py")}
    assert modules <= packed
    assert {name for name in files_under(ROOT / "livegen" / "profiles") if name.endswith(".toml")} <= packed
    assert {name.partition("/")[0] for name in packed} == {"livegen", f"livegen-{livegen.__version__}.dist-info"}


def test_an_installed_livegen_finds_its_patches_and_models(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from livegen.patch import load_patch\nfrom livegen.system.resources import models_folder, patches_folder\n"
        "print(patches_folder(), models_folder(), load_patch('plain').name, sep='\\n')"
    )
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    output = done.stdout
    assert output.split("\n")[:3] == [str(tmp_path / "livegen" / name) for name in ("patches", "models")] + ["plain"]


def test_the_entry_point_names_the_command_line(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    (distribution,) = importlib.metadata.distributions(name="livegen", path=[str(tmp_path)])
    (entry,) = distribution.entry_points
    assert (entry.group, entry.name, entry.value) == ("console_scripts", "livegen", "livegen.__main__:main")
    assert distribution.version == livegen.__version__


def test_the_source_archive_can_be_built_and_tested(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        inside = {name.partition("/")[2] for name in packed.getnames()}
    assert {"pyproject.toml", "Makefile", "LICENSE", "README.md", "tools/setup.sh", "patches/plain.toml"} <= inside
    assert {name for name in files_under(ROOT / "tests") if name.endswith(".py")} <= inside
    assert not any(name.startswith((".git/", ".venv/", "runs/")) for name in inside)
