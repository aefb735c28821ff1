"""What a verifier believes, from a source of his own: the log's key, which witnesses are enough, and the chain."""
