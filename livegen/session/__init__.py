"""The live wiring: devices, ports and controllers around an instrument, and the only threads that play.

Imports everything but `training`, `web` and `cli`. Read `build` first: it opens all parts and shows how they hang
together; then `session`, which runs them, and `desk`, where knobs, patches, models and rigs are looked after.
"""
