"""A `livegen` that starts in an instant: a process that has imported all it needs forks for every command.

As a process: `python forking_livegen.py SOCKET`. It says a line when it listens.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROGRAM = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [json.dumps([os.getcwd(), sys.argv[1:]]).encode()], [0, 1, 2])
    sys.exit(int(server.recv(16)))
"""


@contextlib.contextmanager
def forking_livegen(folder: Path, hash_seed: int) -> Iterator[Path]:
    """Yield a folder with the program `livegen`; sets and dictionaries of text have an order of the seed in it."""
    programs, address = folder / "bin", folder / "s"
    programs.mkdir(parents=True)
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, __file__, str(address)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            program = programs / "livegen"
            program.write_text(PROGRAM.format(python=sys.executable, address=str(address)), encoding="utf-8")
            program.chmod(0o755)
            yield programs
        finally:
            process.kill()


def _serve(address: str) -> None:
    sys.modules["matplotlib.figure"] = None  # type: ignore[assignment]  # pictures take longer than the training
    import torch

    import livegen.cli.pipeline
    import livegen.pipeline.fetch
    import livegen.training.card
    import livegen.training.data.prepare
    import livegen.training.tonnetz.evaluate
    import livegen.training.trainers  # noqa: F401

    torch.optim.AdamW([torch.zeros(1)])  # which imports as much again
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        sys.stdout.write("listens\n")
        sys.stdout.flush()
        while True:
            asking, _ = server.accept()
            with asking:
                data, files, _, _ = socket.recv_fds(asking, 1 << 16, 3)
                pid = os.fork()
                if not pid:
                    _be_livegen(*json.loads(data), files)
                for file in files:
                    os.close(file)
                _, status = os.waitpid(pid, 0)
                asking.send(str(os.waitstatus_to_exitcode(status)).encode())


def _be_livegen(folder: str, words: list[str], files: list[int]) -> None:
    from livegen.cli import main

    code: object = 1
    try:
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.chdir(folder)
        sys.argv = ["livegen", *words]
        main()
    except SystemExit as left:
        code = left.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    _serve(sys.argv[1])
