"""The commands. Nothing else in livegen prints; errors become one sentence and an exit code."""

from livegen.cli.app import EXIT_OTHER, EXIT_USAGE, app, main

__all__ = ["EXIT_OTHER", "EXIT_USAGE", "app", "main"]
