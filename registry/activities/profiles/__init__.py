"""Profiles: what a platform's file is and what its columns mean, as data; what one does not say is not guessed."""
