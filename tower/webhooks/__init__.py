"""Calls the addresses that want to know when a job ends or a film is published: signed, and retried from an outbox."""
