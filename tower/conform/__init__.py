"""A video conformed to its plan: every moment moved to its beat, the music under it, and the result measured."""
