"""Puts finished films into a library, exactly once, and finds out whether they are seen there."""
