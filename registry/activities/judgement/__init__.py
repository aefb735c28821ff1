"""The parts of judging: text to values, whose each is, what it comes to, what was before; sets, not loops."""
