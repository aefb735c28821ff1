"""The whole of it under one seeded scheduler: `python -m tests.simulation --seed N --count N`.

Registry, publisher, witnesses, anchorer and contract are the real ones. Only the wires between them, the chain's
blocks, and the moments at which a process dies are simulated. One process, one thread at a time, one virtual clock;
everything that is drawn comes from one generator, so that a seed replays to the byte of its trace.
"""
