"""Where the search box leads: a serial, a certificate, a case, a leaf of the log, or a plain number.

A plain number is a gram first, for grams are what most people ask after; the block's page then offers the leaf of the
same number. `#12` is leaf 12 and nothing else.
"""

import re
import unicodedata

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.decisions.taken import get_case
from registry.errors import NotFound
from registry.ledger import movement
from registry.ledger.logged import block_at, get_certificate, leaf_at, life_of_block, list_leaves
from registry.ledger.lots import list_lots, lot_of_gram
from registry.ledger.movement import serial
from registry.procedure.decision import PREFIXES

MAX_QUERY = 200
"""Longer is nothing that we gave out."""
NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
"""A number in an address; every one of ours fits a signed 64-bit integer."""
_NUMBER = re.compile(r"[0-9]{1,19}")
_SERIAL = re.compile(r"SHCER-([0-9]{1,19})-([0-9]{1,19})")
_LEAF = re.compile(r"#([0-9]{1,19})")
_CERTIFICATE = re.compile(r"GLC-[0-9]{8}-[0-9A-Z]{10}")
_CASE = re.compile(f"(?:{'|'.join(PREFIXES.values())})[1-9][0-9]{{0,18}}")


def normal(query: str) -> str:
    """Write a query as we write names: full-width forms and dashes made plain, nothing invisible, upper case."""
    plain = unicodedata.normalize("NFKC", query[:MAX_QUERY])
    return "".join(_plain(mark) for mark in plain).upper()


def _plain(mark: str) -> str:
    kind = unicodedata.category(mark)
    if kind == "Pd" or mark == "\N{MINUS SIGN}":
        return "-"
    return "" if mark.isspace() or mark == "," or kind == "Cf" else mark


def find(tx: sa.Connection, vault: Vault, query: str) -> str:
    """Give the path of the page that `query` names. Raises `NotFound` when it names nothing."""
    name = normal(query)
    if _NUMBER.fullmatch(name):
        return _find_number(tx, int(name))
    if match := _SERIAL.fullmatch(name):
        return find_serial(tx, int(match[1]), int(match[2]) + 1)
    if match := _LEAF.fullmatch(name):
        return leaf_path(tx, int(match[1]))
    if _CASE.fullmatch(name):
        return f"/cases/{get_case(tx, name, limit=1).number}"
    if _CERTIFICATE.fullmatch(name):
        return f"/certificates/{get_certificate(tx, vault, name).row.number}"
    raise NotFound("Nothing goes by that name.")


def examples(tx: sa.Connection) -> list[str]:
    """Name what is there to be found: a gram and the serial of the last lot, and the last leaf."""
    lots = [(str(lot.last_g - 1), serial(lot.first_g, lot.last_g)) for lot in list_lots(tx, limit=1).items]
    leaves = [f"#{leaf.index}" for leaf in list_leaves(tx, limit=1).items]
    return [name for names in lots for name in names] + leaves


def read_serial(text: str) -> tuple[int, int]:
    """Read `SHCER-<first>-<last>` as grams `[first, last)`. Raises `NotFound` for anything else."""
    grams = movement.read_serial(text)
    if grams is None:
        raise NotFound("A serial is SHCER-<first>-<last>.")
    return grams


def find_serial(tx: sa.Connection, first: int, last: int) -> str:
    """Give the path of a block, or of the lot whose grams these are. Raises `NotFound` for neither."""
    try:
        life_of_block(tx, first, last, limit=1)
    except NotFound:
        return lot_path(tx, first, last)
    return f"/blocks/{serial(first, last)}"


def lot_path(tx: sa.Connection, first: int, last: int) -> str:
    """Give the path of the lot with exactly the grams `[first, last)`. Raises `NotFound`."""
    lot = lot_of_gram(tx, first)
    if (lot.first_g, lot.last_g) != (first, last):
        raise NotFound(f"{serial(first, last)} is neither a block nor a lot.")
    return f"/lots/{lot.id}"


def leaf_path(tx: sa.Connection, index: int) -> str:
    """Give the path of a leaf's page. Raises `NotFound` for one that is not in the published log."""
    return f"/leaves/{leaf_at(tx, index).index}"


def _find_number(tx: sa.Connection, number: int) -> str:
    try:
        _, first, last = block_at(tx, number)
    except NotFound:
        return leaf_path(tx, number)
    return f"/blocks/{serial(first, last)}?gram={number}"


def namesake(tx: sa.Connection, number: int) -> int | None:
    """Give the index of the leaf that goes by the same number as a gram; None when the log is not that long."""
    try:
        return leaf_at(tx, number).index
    except NotFound:
        return None
