"""What the compiler and the machine give: Numba's kernels, files of ours and the user's, JACK, and MIDI ports.

Imports nothing but `livegen.errors`, and the two that the words stand on, `kernels` and `atomics`, not even that.
Read `kernels` first: every compiled function of livegen takes its decorator from there.
"""
