"""The chord that leads the model's notes: chosen on the lattice, walked to beat by beat, or heard from the performer.

It may import what `livegen.performance` may. Read `lead` first: it says which chord leads and what that does to a draw;
`walk` says how one chord follows another.
"""
