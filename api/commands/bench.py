"""`gram bench`: figures, each beside a yardstick of the same run."""
