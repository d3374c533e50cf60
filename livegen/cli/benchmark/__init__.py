"""Parts of `livegen bench`: single measurements with their baselines, and how figures are compared and drawn.

May import what `livegen.cli` may. `livegen.cli.bench` puts them together; read `products` first.
"""
