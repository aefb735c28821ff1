"""Officers decide about policies, methodologies and sources while the clock moves: `python -m tests.programme`.

What the registry says of each decision is held against a model that shares no code with it, and the published log
against an audit: as it is, and with each breach of which officers or insiders might think added to it.
"""
