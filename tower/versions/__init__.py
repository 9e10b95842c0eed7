"""Versions of a project's creative state: every edit is a commit on a branch, and branches merge.

`editing` changes content, `history` reads past states, `branches` and `tags` name them, and `merge` merges branches,
reverts commits and restores entities. See docs/versions.md.
"""
