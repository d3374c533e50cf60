"""The compiler and the machine: Numba kernels, threads, the folders of livegen and of the user, JACK, and MIDI ports.

Imports `livegen.errors` alone. `kernels` and `atomics`, which the words import, import nothing of livegen.
Read `kernels` first: every compiled function of livegen takes its decorator from there.
"""
