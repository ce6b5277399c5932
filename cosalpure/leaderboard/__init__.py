"""The leaderboard: entries that `cosalpure submit` makes, checks, and the static page that compares them.

An entry is one JSON file (`entry.Entry`) and the scores of its images (`scores`), from which every number in it follows.
"""
