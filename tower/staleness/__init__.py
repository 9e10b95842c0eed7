"""Which takes are out of date: what a scene's picture depends on, then and now, and what is different."""
