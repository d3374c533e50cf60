"""A live session: devices, ports and controllers around an instrument, and the only threads that play.

Imports everything but `training`, `web` and `cli`. Read `build` first: it opens all parts and shows how they are
connected; then `session`, which runs them, and `desk`, which takes care of knobs, patches, models and rigs.
"""
