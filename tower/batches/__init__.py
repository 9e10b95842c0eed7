"""What is rendered by itself: the time window of a studio, and the batches that start what is due in it."""
