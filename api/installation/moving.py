"""The log goes on in another contract, on this chain or another; each step is looked for before it is done.

1. The new contract is there (`gram chain deploy`), of our code, for the same authorities; the old one is not broken.
2. The record of the move is in the log: a leaf that binds both contracts.
3. The old contract anchors a checkpoint with the record in it.
4. The new one anchors the same log, at that size or a later one.
5. The proof is written, and verified as an outsider would.
6. The database belongs to the new contract from here on, and the data folder follows (`follow`).

| we crash | the next run |
|---|---|
| before 2 | begins; nothing happened |
| between 2 and 6 | finds the record, and goes on with what is missing |
| between the two parts of 6 | any start takes the folder after the database |
| after 6, and the proof was lost | makes the proof again (`prove_again`) |
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from anchoring.errors import Malformed, NotYet, Refuted
from anchoring.moves.proof import MoveProof, check_contract, verify_move
from anchoring.moves.record import Move, move_of_evidence
from anchoring.receipt import Receipt
from anchoring.tree.tiles import TileReader, consistency_proof, inclusion_proof, root_at
from api.installation.data_folder import DataFolder
from api.installation.site import Site
from registry.database.engine import Database
from registry.evidence.document import Evidence
from registry.evidence.public import text_of
from registry.keyfile import replace_file, sync_folder
from registry.ledger.movement import Kind
from registry.ledger.posting import Line, begin_act, write_lines

if TYPE_CHECKING:
    from anchoring.chain.client import AnchorClient

Tell = Callable[[str], None]


def move(site: Site, rpc_urls: tuple[str, ...], contract: str, tell: Tell) -> Path:
    """Move a site's log to `contract` on the chain at `rpc_urls`; the file with the proof. Safe to repeat.

    Raises Refuted when one of the two contracts is not what it should be; what stopped a step is said by its own error.
    """
    from anchoring.chain.client import AnchorClient

    with AnchorClient(rpc_urls, contract) as asked:
        chain_id = asked.chain_id()
    if (chain_id, asked.address) == (site.where.chain_id, site.where.contract):
        return prove_again(site)
    with site.client_of(rpc_urls, chain_id, contract) as new:
        _compare(site.client, new)
        planned = _record(site, chain_id, new.address, tell)
        site.publisher.publish()
        old_size = site.anchorer.anchor() or 0
        index, leaf = _logged(site, planned)
        tell(f"The old contract holds the record: leaf {index} of {old_size}.")
        new_size = replace(site.anchorer, client=new).anchor() or 0
        tell(f"The new contract holds the same log: {new_size} leaves.")
        data = _proof(site.reader, planned, (index, leaf), (old_size, new_size), _note(site, new_size))
        proven = verify_move(data, site.log_signer.verifier.vkey)
        for client, is_old in ((site.client, True), (new, False)):
            check_contract(proven, client, is_old=is_old)
    path = _write(site.folder, index, data)
    with site.database.transaction() as tx:
        tx.execute(_BELONGS, {"chain": chain_id, "contract": new.address})
    site.folder.with_contract(chain_id, new.address)
    return path


def prove_again(site: Site) -> Path:
    """Write the proof of the move that led to this site's contract anew, from the log and the notes of its anchors.

    Raises Malformed when the log was anchored here from the first, NotYet when an anchor is not noted.
    """
    here = (site.where.chain_id, site.where.contract)
    with site.database.reading() as tx:
        moved = [one for one in _moves(tx) if (one.to_chain_id, one.to_contract) == here]
        if not moved:
            raise Malformed("The log is anchored there already, and no move led there.")
        last = moved[-1]
        old = tx.execute(_LAST_ANCHOR, {"chain": last.from_chain_id, "contract": last.from_contract}).scalar_one()
        new = tx.execute(_FIRST_ANCHOR, {"chain": here[0], "contract": here[1], "size": old}).scalar_one()
    if old is None or new is None:
        raise NotYet("The anchors of the two contracts are not both noted here; the proof cannot be made from that.")
    index, leaf = _logged(site, last)
    data = _proof(site.reader, last, (index, leaf), (old, new), _note(site, new))
    check_contract(verify_move(data, site.log_signer.verifier.vkey), site.client, is_old=False)
    return _write(site.folder, index, data)


def follow(folder: DataFolder, database_url: str) -> DataFolder:
    """Take a data folder after its database, when a move was finished in the one and not in the other."""
    database = Database(database_url, pool_size=1)
    try:
        with database.reading() as tx:
            if tx.execute(sa.text("SELECT to_regclass('installation')")).scalar_one() is None:
                return folder
            row = tx.execute(sa.text("SELECT chain_id, contract FROM installation")).one_or_none()
            marker = folder.marker
            if row is None or marker.contract in (None, row.contract):
                return folder
            for moved in _moves(tx):
                ends = (moved.from_contract, moved.to_chain_id, moved.to_contract)
                if ends == (marker.contract, row.chain_id, row.contract):
                    return folder.with_contract(row.chain_id, row.contract)
        return folder
    finally:
        database.close()


def contracts_of(site: Site) -> frozenset[str]:
    """The contracts on this site's chain that hold its log, or held it before a move; in lower case."""
    with site.database.reading() as tx:
        moves = _moves(tx)
    left = {one.from_contract for one in moves if one.from_chain_id == site.where.chain_id}
    return frozenset(one.lower() for one in {site.where.contract, *left})


def places_of(site: Site) -> list[tuple[int, str]]:
    """The contracts, each with its chain's id, that held this log one after another; the last holds it now."""
    with site.database.reading() as tx:
        moves = _moves(tx)
    here = (site.where.chain_id, site.where.contract)
    done = next((at for at, one in reversed([*enumerate(moves)]) if (one.to_chain_id, one.to_contract) == here), -1)
    return [*((one.from_chain_id, one.from_contract) for one in moves[: done + 1]), here]


def _compare(old: "AnchorClient", new: "AnchorClient") -> None:
    """Refuse a contract that is not the old one's equal, or an old one that is past moving."""
    new.check()
    if old.head().broken or new.head().broken:
        raise Refuted("A contract was convicted of a broken rule; no move leads past that.")
    if old.signers() != new.signers():
        raise Refuted("The new contract is not for the same authorities, or asks for fewer or more of them.")


def _record(site: Site, chain_id: int, contract: str, tell: Tell) -> Move:
    """Find this move's record, or write it."""
    here = (site.where.chain_id, site.where.contract)
    with site.database.transaction() as tx:
        tx.execute(_ONE_MOVES)
        known = _moves(tx)
        begun = [one for one in known if (one.from_chain_id, one.from_contract) == here]
        if begun and (begun[-1].to_chain_id, begun[-1].to_contract) == (chain_id, contract):
            return begun[-1]
        planned = Move(len(known), *here, chain_id, contract)
        at = site.ledger.clock()
        act = begin_act(tx, "move", None, at, 0, 1)
        evidence = Evidence(planned.digest(), planned.fields())
        public = text_of(evidence.fields, evidence.fields, Kind.MOVE)
        write_lines(tx, site.ledger.vault, act, [Line(planned.movement(at), None, None, evidence, public=public)])
    tell("The move is recorded.")
    return planned


def _moves(tx: sa.Connection) -> list[Move]:
    return [move_of_evidence(row.fields) for row in tx.execute(_MOVES, {"kind": int(Kind.MOVE)})]


def _logged(site: Site, planned: Move) -> tuple[int, bytes]:
    with site.database.transaction() as tx:
        row = tx.execute(_ENTRY, {"evidence": planned.digest()}).one_or_none()
    if row is None:
        raise NotYet("The record of the move is not in a published checkpoint yet; run it again.")
    return row.place, bytes(row.leaf)


def _note(site: Site, size: int) -> bytes:
    with site.database.transaction() as tx:
        return str(tx.execute(_NOTE, {"size": size}).scalar_one()).encode()


def _proof(reader: TileReader, planned: Move, record: tuple[int, bytes], sizes: tuple[int, int], note: bytes) -> bytes:
    (index, leaf), (old_size, new_size) = record, sizes
    receipt = Receipt(leaf, index, tuple(inclusion_proof(reader, index, new_size)), note).encode()
    path = tuple(inclusion_proof(reader, index, old_size))
    consistency = tuple(consistency_proof(reader, old_size, new_size)) if old_size < new_size else ()
    root = root_at(reader, old_size, within=new_size)
    return MoveProof(planned, receipt, old_size, root, path, consistency).encode()


def _write(folder: DataFolder, index: int, data: bytes) -> Path:
    path = folder.path / "moves" / f"{index}.json"
    path.parent.mkdir(exist_ok=True)
    sync_folder(folder.path)
    replace_file(path, data)
    return path


_MOVES = sa.text("""
    SELECT e.fields FROM movements m JOIN evidence e ON e.digest = m.evidence WHERE m.kind = :kind ORDER BY m.id
""")
_ENTRY = sa.text("""
    SELECT l.index AS place, l.leaf FROM log_entries l JOIN movements m ON m.id = l.movement_id
    WHERE m.evidence = :evidence
""")
_NOTE = sa.text("SELECT note FROM publications WHERE size = :size")
_LAST_ANCHOR = sa.text("SELECT max(size) FROM anchors WHERE chain_id = :chain AND contract = :contract")
_FIRST_ANCHOR = sa.text("""
    SELECT min(size) FROM anchors WHERE chain_id = :chain AND contract = :contract AND size >= :size
""")
_ONE_MOVES = sa.text("SELECT pg_advisory_xact_lock(hashtext('gramledger/move'))")
_BELONGS = sa.text("UPDATE installation SET chain_id = :chain, contract = :contract")
