"""`livegen`, and `python -m livegen`."""

import sys


def main() -> None:
    """Run the commands; Ctrl-C while they are still being loaded ends quietly too."""
    try:
        from livegen import cli
    except KeyboardInterrupt:
        sys.exit(1)
    cli.main()


if __name__ == "__main__":
    main()
