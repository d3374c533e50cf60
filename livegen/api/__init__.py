"""The Python API: render music, play a session step by step or live, and make files of scores.

Imports all but the commands, and nothing imports it. Read `score` first. `docs/api.md` leads through it.
"""

from livegen.api.live import Live
from livegen.api.model import Model, load_model
from livegen.api.rendering import render
from livegen.api.score import Score
from livegen.api.session import Session

__all__ = ["Live", "Model", "Score", "Session", "load_model", "render"]
