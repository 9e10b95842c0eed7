"""Finds stale takes: compares the inputs that a take was made from with the current ones."""
