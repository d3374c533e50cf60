"""Wires the parts; its core is pure, and it alone starts threads."""
