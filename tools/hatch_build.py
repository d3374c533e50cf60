"""Writes down the commit that a wheel or a source archive is built of; Hatchling runs it."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMMIT = "livegen/commit.txt"


class CommitHook(BuildHookInterface):
    """Puts `livegen/commit.txt` into what is built of a checkout. What is built of a source archive has it already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file, unless it is an editable install, which asks git when it is wanted."""
        root = Path(self.root)
        if version == "editable" or not (root / ".git").exists():
            return
        try:
            asked = subprocess.run(["git", "-C", self.root, "rev-parse", "HEAD"], capture_output=True, check=True)
        except (OSError, subprocess.SubprocessError):
            return
        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name) / "commit.txt"
        file.write_bytes(asked.stdout)
        build_data["force_include"][str(file)] = COMMIT

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the file that was included."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()
