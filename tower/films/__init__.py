"""The films of episodes as jobs: how one is opened, and how its run makes it."""
