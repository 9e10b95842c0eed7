"""The figures of a shot: silhouettes seen from behind, or reference images of characters."""
