"""The witness: an authority's own service that replays every rule before it cosigns (C2SP tlog-witness)."""
