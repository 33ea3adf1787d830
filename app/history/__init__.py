"""Series over commits and comparisons: points, verdicts, change points, the geometry of charts. Pure.

`paired.judge` and `multiplicity.judge_all` give the verdicts on interleaved pairs, `unpaired` what can be said without
them, `geometric.summarise` the first line; `detector.detect` and `refit` the cuts of a series; `noise` what a board can
show. `verdict` has the words. `docs/statistics.md` says why.
"""
