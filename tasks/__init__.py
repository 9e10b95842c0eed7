"""Steps: Prefect tasks, with their sessions and retries."""
