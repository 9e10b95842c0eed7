"""Recipes: which steps, in which order."""
