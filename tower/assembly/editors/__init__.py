"""Writes the cut of an episode for editing programs, and says what a format cannot hold."""
