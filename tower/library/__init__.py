"""The music library: which files belong to it, what they hold, how they are found, played and judged."""
