"""Canvases for a picture of rectangles and words: one becomes an SVG file, one a PNG file.

Positions and sizes are in pixels from the upper left, colours are hexadecimal, opacities 0..1. Pillow draws the PNG. It
is imported only then, so that everything else works without it.
"""

from html import escape
from pathlib import Path
from typing import Any, Final, Protocol

from livegen.errors import FormatError
from livegen.formats.files import atomic_path

LEFT, MIDDLE, RIGHT = "start", "middle", "end"
"""The part of a text that lies at its x: its start, its middle or its end."""


class Canvas(Protocol):
    """What a picture is drawn on, and then saved."""

    def rectangle(self, x: float, y: float, width: float, height: float, colour: str, opacity: float = 1.0) -> None:
        """Fill a rectangle."""

    def frame(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Draw a line of a pixel around the inside of a rectangle."""

    def text(self, x: float, y: float, words: str, size: int, colour: str, anchor: str = LEFT) -> None:
        """Write words whose middle line is at y."""

    def save(self, path: Path) -> None:
        """Write the file; raises FormatError if that fails."""


class SvgCanvas:
    """A canvas that becomes an SVG file. Rectangles of the same look, one after another, become one path."""

    def __init__(self, width: int, height: int) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            'font-family="Inter, Helvetica, Arial, sans-serif">'
        ]
        self._look = ""
        self._path: list[str] = []

    def rectangle(self, x: float, y: float, width: float, height: float, colour: str, opacity: float = 1.0) -> None:
        """Fill a rectangle."""
        self._add(f'fill="{colour}"' + (f' fill-opacity="{opacity:.2f}"' if opacity < 1 else ""), x, y, width, height)

    def frame(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Draw a line of a pixel around the inside of a rectangle."""
        look = f'fill="none" stroke="{colour}"'
        self._add(look, x + 0.5, y + 0.5, max(width - 1, 0.1), max(height - 1, 0.1))

    def text(self, x: float, y: float, words: str, size: int, colour: str, anchor: str = LEFT) -> None:
        """Write words whose middle line is at y."""
        self._end_path()
        shown = escape("".join(c for c in words if c.isprintable()))
        self._parts.append(
            f'<text x="{x:g}" y="{y + 0.35 * size:g}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}">{shown}</text>'
        )

    def save(self, path: Path) -> None:
        """Write the file; raises FormatError if that fails."""
        self._end_path()
        with atomic_path(path) as partial:
            partial.write_text("\n".join([*self._parts, "</svg>\n"]), encoding="utf-8")

    def _add(self, look: str, x: float, y: float, width: float, height: float) -> None:
        if look != self._look:
            self._end_path()
            self._look = look
        self._path.append(f"M{x:.5g} {y:.6g}h{width:.5g}v{height:.5g}h-{width:.5g}z")

    def _end_path(self) -> None:
        if self._path:
            self._parts.append(f'<path {self._look} d="{"".join(self._path)}"/>')
        self._look, self._path = "", []


class PngCanvas:
    """A canvas that becomes a PNG file."""

    _ANCHORS: Final = {LEFT: "lm", MIDDLE: "mm", RIGHT: "rm"}

    def __init__(self, width: int, height: int) -> None:
        try:
            from PIL import Image, ImageDraw, ImageFont
        except ImportError as error:
            raise FormatError(
                "a PNG picture needs Pillow, which is not installed: pip install pillow, or write .svg"
            ) from error
        self._image: Any = Image.new("RGB", (width, height))
        self._draw: Any = ImageDraw.Draw(self._image, "RGBA")
        self._font = ImageFont.load_default

    def rectangle(self, x: float, y: float, width: float, height: float, colour: str, opacity: float = 1.0) -> None:
        """Fill a rectangle."""
        self._draw.rectangle(_corners(x, y, width, height), fill=(*bytes.fromhex(colour[1:]), round(255 * opacity)))

    def frame(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Draw a line of a pixel around the inside of a rectangle."""
        self._draw.rectangle(_corners(x, y, width, height), outline=colour)

    def text(self, x: float, y: float, words: str, size: int, colour: str, anchor: str = LEFT) -> None:
        """Write words whose middle line is at y."""
        shown = "".join(c for c in words if c.isprintable())
        self._draw.text((x, y), shown, fill=colour, font=self._font(size), anchor=self._ANCHORS[anchor])

    def save(self, path: Path) -> None:
        """Write the file; raises FormatError if that fails."""
        with atomic_path(path) as partial:
            self._image.save(partial, format="PNG")


def canvas_for(path: Path, width: int, height: int) -> Canvas:
    """Return a canvas for the kind of picture that a file's name ends with: .svg, else .png."""
    return (SvgCanvas if path.suffix.lower() == ".svg" else PngCanvas)(width, height)


def _corners(x: float, y: float, width: float, height: float) -> tuple[int, int, int, int]:
    """Return the first and the last pixel of a rectangle in both directions. It covers at least one pixel."""
    left, top = round(x), round(y)
    return left, top, max(round(x + width) - 1, left), max(round(y + height) - 1, top)
