"""The compiler and the machine: Numba kernels, threads, the folders of livegen and of the user, JACK, and MIDI ports.

Imports `livegen.errors` alone; `kernels`, `parts` and `atomics`, which the words import, nothing of livegen but these.
Read `kernels` first: every compiled function of livegen takes its decorator from there.
"""
