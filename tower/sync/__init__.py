"""Cuts that land on beats: which beat each cut takes, and how much each shot is stretched for it. Pure arithmetic."""
