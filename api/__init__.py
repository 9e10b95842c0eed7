"""The REST APIs of Tower."""
