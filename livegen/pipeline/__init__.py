"""The pipeline of `dvc.yaml` without DVC: songs are fetched, prepared and learnt, models measured and described.

Imports `formats` alone: what a stage does, its command does. Read `stages` first, which makes stages of the file, then
`lock`, what `dvc.lock` knows of them, and `runner`.
"""
