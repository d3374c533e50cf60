"""What the README and the site tell to type: commands of a shell, commands after a colon, and OSC messages."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from reference_pages import PAGES as REFERENCE

ROOT = Path(__file__).parent.parent
_MADE = {f"docs/reference/{name}.md": page for name, page in REFERENCE.items()}
_WRITTEN = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
PAGES = ("README.md", "demos/README.md", "examples/README.md", *_WRITTEN, *_MADE)
"""The README, those of demos and examples, and the pages of the site: written by hand, and made."""

PROGRAMS = (
    *("livegen", "make", "pip", "uv", "uvx", "pipx", "python3?", "py", r"\.", r"\.venv\\Scripts\\\w+"),
    *("sudo", "brew", "export", "xcode-select", "dvc", "docker", "torchrun"),
    *("jackd", "jack_connect", "jack_midiseq", "curl", "oscsend", "open-stage-control"),
)
"""What a command begins with, as regular expressions."""

_SHELL = re.compile(rf"(?:{'|'.join(PROGRAMS)}) \S")
_OF_A_SHELL = ("", "sh", "console")
_REMARK = re.compile(r" {2,}.*| +# .*")  # what stands beside a command in a block
_MARKDOWN = MarkdownIt("commonmark").enable("table")


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of a page that are fenced in a language."""
    return [token.content for token in _tokens(page) if token.type == "fence" and token.info == language]


def code(page: str) -> Iterator[str]:
    """Yield what a page sets as code, line by line, without the blocks in other languages than that of a shell."""
    yield from lines_to_type(page)
    for token in _tokens(page):
        for part in token.children or ():
            if part.type == "code_inline":
                yield " ".join(part.content.split())


def lines_to_type(page: str) -> Iterator[str]:
    """Yield the lines of a page's blocks for a shell, without remarks. A block of Python's, `>>>`, is none."""
    for token in _tokens(page):
        is_for_a_shell = token.type == "code_block" or (token.type == "fence" and token.info in _OF_A_SHELL)
        if is_for_a_shell and not token.content.lstrip().startswith(">>>"):
            yield from (_REMARK.sub("", line.strip()) for line in token.content.splitlines())


def is_to_be_typed(line: str) -> bool:
    """Tell whether a line is a command of a shell, one of a jam's, or an OSC message."""
    return bool(_SHELL.match(line) or re.match(r":[a-z]|/livegen/", line))


def shell_commands(page: str) -> list[str]:
    """Return the commands of a shell that a page tells to type, each once."""
    found = (part.strip() for line in code(page) if _SHELL.match(line) for part in line.split("&&"))
    return list(dict.fromkeys(found))


def typed_commands(page: str) -> list[str]:
    """Return what a page tells to type into a jam, without the colon."""
    return list(dict.fromkeys(line[1:] for line in code(page) if re.match(r":[a-z]", line)))


def osc_messages(page: str) -> list[tuple[str, ...]]:
    """Return the OSC messages of a page, as words: the address first."""
    return list(dict.fromkeys(tuple(shlex.split(line)) for line in code(page) if re.match(r"/livegen/", line)))


def _tokens(page: str) -> list[Token]:
    text = _MADE[page]() if page in _MADE else (ROOT / page).read_text(encoding="utf-8")
    return _MARKDOWN.parse(text)
