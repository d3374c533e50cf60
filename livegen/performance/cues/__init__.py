"""Cues: how a performer leads the band. A cue is planned for a bar line, shapes what is drawn and sounded, and is over.

Read `livegen.performance.cues.cue` first: what a cue is, and how it keeps its place while the tempo moves. `giving`
makes one of a control and `placing` finds its place; `effect` is what it does to a frame, `cadence` is how it ends the
music, and `count_in` how the music begins.
"""
