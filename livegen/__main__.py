"""`python -m livegen`."""

from livegen.cli import main

main()
