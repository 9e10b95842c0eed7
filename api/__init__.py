"""The REST facade: how Tower is asked."""
