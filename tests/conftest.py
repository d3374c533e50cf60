"""What the tests share: a small model, and the JACK server of the device tests."""

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
from examples import LONG_PROFILE
from hypothesis import settings
from jack_keyboard import Keyboard
from jack_listener import Listener
from jack_server import jack_server
from livegen_process import Jam
from programs import Program
from safetensors.numpy import save_file
from turns import turn
from waiting import wait_until

from livegen.engines.checkpoint import WEIGHTS_FILE, load_conductor, load_engine, write_config
from livegen.engines.lstm.lstm import LstmConfig
from livegen.instrument.compile import compile_all
from livegen.patch import load_patch
from livegen.system.midi_ports import MidiSystem, find_midi
from livegen.system.resources import models_folder

# How long a test takes tells of the machine, which others share: no deadline. Properties have the same examples in each
# run, so that it is a change that breaks a test and not chance; the long profile is the one that looks for new ones.
settings.register_profile("livegen", deadline=None, derandomize=True)
settings.register_profile(LONG_PROFILE, deadline=None, max_examples=20_000)
settings.load_profile("livegen")

# Models this small gain nothing from two threads of torch, and wait long for each other on a busy machine. This is said
# before torch is imported, here and in the processes that tests start.
os.environ["OMP_NUM_THREADS"] = "1"

SMALL = LstmConfig(n_embedding=12, n_state=20, n_known=6, n_note_hidden=14, n_volume_hidden=9, n_timbre_hidden=5)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("device") and shutil.which("jackd") is None:
        _give_up("jackd is not on the PATH: install the package jackd2")
    if item.get_closest_marker("device") and importlib.util.find_spec("rtmidi") is None:
        _give_up("python-rtmidi is not installed, by which these tests play: install the extra midi")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with turn(item):
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Compile what all tests play with on all cores, before each of their processes does."""
    engine = load_engine(models_folder() / "default")
    compile_all(engine, load_patch("plain"), load_conductor(engine))


@pytest.fixture(scope="session", autouse=True)
def _own_data(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the takes of jams that tests play away from those of whoever runs the tests."""
    os.environ["LIVEGEN_DATA_DIR"] = str(tmp_path_factory.mktemp("data"))


@pytest.fixture
def run_program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start programs that musicians have; they are gone after the test."""
    running: list[Program] = []

    def start(*command: str | Path, **environment: str) -> Program:
        running.append(Program(tmp_path, *command, **environment))
        return running[-1]

    yield start
    for program in running:
        program.close()


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model with random weights: plays anything, and is quick."""
    folder = tmp_path_factory.mktemp("models") / "random"
    folder.mkdir()
    generator = np.random.default_rng(0)
    arrays = {
        name: (0.2 * generator.standard_normal(shape)).astype(np.float32) for name, shape in SMALL.shapes().items()
    }
    save_file(arrays, folder / WEIGHTS_FILE)
    write_config(folder, SMALL)
    return folder


@pytest.fixture(scope="session")
def jack() -> Iterator[str]:
    """Name of a private JACK server with the dummy driver, 128 samples at 48 kHz, which this process's clients join."""
    with contextlib.suppress(ImportError, OSError):
        import sounddevice  # noqa: F401  # PortAudio that has seen a server aborts the process when it ends without it
    name = f"livegen-test-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(jack_server(name))
        except RuntimeError as error:
            _give_up(str(error))
        yield name


@pytest.fixture
def listener(jack: str) -> Iterator[Listener]:
    pytest.importorskip("jack")
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def midi(jack: str) -> Iterator[MidiSystem]:
    system, why_not = find_midi("jack")
    assert system is not None, why_not
    yield system
    system.close()


@pytest.fixture
def keyboard(jack: str) -> Iterator[Keyboard]:
    keyboard = Keyboard()
    yield keyboard
    keyboard.unplug()


@pytest.fixture
def jack_jam(jack: str, model: Path, tmp_path: Path, listener: Listener) -> Iterator[Callable[..., Jam]]:
    """Start `livegen jam` on the JACK server and listen to its sound; the process is gone after the test."""
    started: list[Jam] = []

    def start(*arguments: str) -> Jam:
        sound_and_midi = ["--audio", "JACK", "--midi-api", "jack"]
        of_tests = () if "--model" in arguments else ("--model", model)
        started.append(Jam(tmp_path, *of_tests, "--seed", "1", *sound_and_midi, *arguments))
        assert wait_until(listener.connect_sound)
        return started[-1]

    yield start
    for jam in started:
        jam.close()


def _give_up(reason: str) -> None:
    """Skip a device test, or fail it where the environment says that JACK must be there, as in CI."""
    if os.environ.get("LIVEGEN_REQUIRE_JACK") == "1":
        pytest.fail(f"LIVEGEN_REQUIRE_JACK is set, but {reason}")
    pytest.skip(reason)
