"""Recipes: Prefect flows that put the steps in order."""
