"""Parts of `livegen bench`: single measurements with their baselines, and how figures are compared and drawn.

May import everything. `livegen.cli.bench` puts them together: read it first.
"""
