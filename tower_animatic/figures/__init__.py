"""The people of a shot: silhouettes seen from behind, or the reference image of a character."""
