"""The craft in plain Python: no Prefect, no FastAPI in it."""
