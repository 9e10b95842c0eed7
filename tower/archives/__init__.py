"""Export a whole project to one file and import it: versions, rows and media. See docs/archives.md for the contents."""
