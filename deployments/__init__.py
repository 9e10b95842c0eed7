"""Prepares a bare machine and keeps the stack running."""
