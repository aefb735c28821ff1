"""A log that goes on in another contract: the record of it, and the proof that it is the same log. Pure."""
