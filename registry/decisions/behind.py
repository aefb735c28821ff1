"""The procedure behind a lot: every decision that its issuance rests on, as the public log has them."""

import sqlalchemy as sa

from registry.decisions.taken import Taken, of_cases
from registry.procedure.decision import PREFIXES, Record


def behind_lot(tx: sa.Connection, lot_id: int) -> list[Taken]:
    """Give the decisions behind a lot, in the order of the log; none while its issuance is not in the published log.

    They are its issuance's own, and of the source, the methodology and the policies that it names all up to the one
    that it names.
    """
    own = of_cases(tx, [f"{PREFIXES[Record.ISSUANCE]}{lot_id}"])
    issued = next((one.says for one in own if "source" in one.says), None)
    if issued is None:
        return own
    named = {bytes.fromhex(text) for text in (issued["source"], issued["methodology"], *issued["policies"])}
    cases = tx.execute(_CASES, {"digests": list(named)}).scalars().all()
    others = of_cases(tx, cases)
    last = {one.says["case"]: one.index for one in others if one.digest in named}
    return sorted([*own, *(one for one in others if one.index <= last[one.says["case"]])], key=lambda one: one.index)


# By their documents: of movements the evidence has no index.
_CASES = sa.text("""
    SELECT DISTINCT CAST(public AS jsonb) #>> '{case,1}' FROM evidence WHERE digest = ANY (CAST(:digests AS bytea[]))
""")
