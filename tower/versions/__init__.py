"""Versions of a project's creative state: every edit is a commit on a branch, and branches merge.

Ask `editing` to change something, `history` to read a past state, `branches` and `tags` for names, `merging` and
`reverting` to bring lines of the story together or take a change back. docs/versions.md says how it works.
"""
