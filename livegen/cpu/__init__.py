"""The console's processor, a 6502 without decimal mode: programs go in, writes to the chip come out.

Imports `system.kernels` alone. Read `cpu` first, then `memory`; `opcodes` is the table of what it can do.
"""
