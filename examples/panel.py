"""Serves a page with a slider for every number that a jam has, as its OSCQuery tells them.

Start a jam (`livegen jam`), then: python panel.py, and open http://127.0.0.1:9200/

Livegen lets no page but its own talk to it, so this one talks to a small server, which asks livegen by OSCQuery, over
HTTP, and sets by OSC. It needs python-osc and nothing else.
"""

import argparse
import json
import urllib.request
from collections.abc import Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from pythonosc.udp_client import SimpleUDPClient

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>livegen</title><h1>livegen</h1>{sliders}<script>
for (const slider of document.querySelectorAll("input"))
  slider.oninput = () => fetch(slider.id, {{ method: "POST", body: slider.value }});
</script></html>"""
SLIDER = (
    '<p><label>{name} <input type="range" id="{path}" min="{low}" max="{high}" step="any" value="{value}"> {about}'
    "</label></p>"
)


def numbers(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the nodes of OSCQuery's tree that hold one number and say its range."""
    if node.get("TYPE") in ("f", "i") and "MIN" in node.get("RANGE", [{}])[0] and "VALUE" in node:
        yield node
    for inner in node.get("CONTENTS", {}).values():
        yield from numbers(inner)


def page(tree: dict[str, Any]) -> str:
    """Return the page."""
    sliders = [
        SLIDER.format(
            name=escape(node["FULL_PATH"].removeprefix("/livegen/")),
            path=escape(node["FULL_PATH"]),
            low=node["RANGE"][0]["MIN"],
            high=node["RANGE"][0]["MAX"],
            value=node["VALUE"][0],
            about=escape(node.get("DESCRIPTION", "")),
        )
        for node in numbers(tree)
    ]
    return PAGE.format(sliders="\n".join(sliders))


class Handler(BaseHTTPRequestHandler):
    """Answers the browser."""

    livegen: str
    osc: SimpleUDPClient

    def do_GET(self) -> None:  # the library's name
        """Serve the page, with the values that are in force now."""
        with urllib.request.urlopen(self.livegen) as answer:
            self._answer(200, page(json.load(answer)).encode())

    def do_POST(self) -> None:
        """Set what a slider says."""
        if not self.path.startswith("/livegen/"):
            self._answer(404, b"")
            return
        value = float(self.rfile.read(min(int(self.headers["content-length"]), 32)))
        self.osc.send_message(self.path, value)
        self._answer(204, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--livegen", default="http://127.0.0.1:9125/livegen", help="where its OSCQuery is")
    parser.add_argument("--osc-port", type=int, default=9124)
    parser.add_argument("--port", type=int, default=9200)
    asked = parser.parse_args()
    Handler.livegen, Handler.osc = asked.livegen, SimpleUDPClient("127.0.0.1", asked.osc_port)
    with HTTPServer(("127.0.0.1", asked.port), Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
