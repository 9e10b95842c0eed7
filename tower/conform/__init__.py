"""Conforms a video to its sync plan: moves the cuts to their beats, adds the music and measures the result."""
