"""Plans cuts that land on beats: the beat of each cut and the stretch of each shot. Pure arithmetic, without files."""
