"""The monitor: follows logs and their contracts from outside, and keeps what proves a lie."""
