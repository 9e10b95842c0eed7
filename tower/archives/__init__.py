"""A whole project as one file, and back: versions, rows and media. docs/archives.md says what is in it."""
