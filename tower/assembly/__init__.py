"""Makes one film of an episode from its takes, cards, music and subtitles."""
