"""The commands. Nothing else in livegen prints; errors become one sentence and an exit code.

Imports everything, most of it inside the command that needs it, so that help is quick. Read `app` first, then `play`.
`screen`, `doctor`, `layouts` and `bench` belong to single commands: they make what these show or measure.
"""

from livegen.cli.app import EXIT_OTHER, EXIT_USAGE, app, main

__all__ = ["EXIT_OTHER", "EXIT_USAGE", "app", "main"]
