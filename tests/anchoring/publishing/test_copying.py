"""Rows out of the database in its binary forms: all of them, in their order, and nothing of another shape."""

import pytest

from anchoring.errors import Malformed
from anchoring.publishing.copying import copy_out, row_dtype

PAIR = row_dtype(("number", ">i8"), ("digest", "V4"))
ROWS = "SELECT n::bigint, decode(lpad(to_hex(n), 8, '0'), 'hex') FROM generate_series(1, 3000) n ORDER BY n DESC"


def test_rows_come_in_the_order_of_the_query(owner):
    with owner.transaction() as tx:
        rows = copy_out(tx, ROWS, PAIR)
    assert rows["number"].tolist() == list(range(3000, 0, -1))
    assert rows["digest"].tobytes() == b"".join(n.to_bytes(4) for n in range(3000, 0, -1))


def test_there_may_be_none(owner):
    with owner.transaction() as tx:
        assert len(copy_out(tx, "SELECT 1::bigint, '\\x00000000'::bytea WHERE false", PAIR)) == 0


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1::bigint, '\\x0000'::bytea",
        "SELECT 1, '\\x00000000'::bytea",
        "SELECT 1::bigint, NULL::bytea",
        "SELECT NULL::bigint, '\\x00000000'::bytea",
        "SELECT n::bigint, CASE WHEN n > 2 THEN '\\x00000000'::bytea END FROM generate_series(1, 9) n",
        "SELECT n::bigint, decode(repeat('00', n), 'hex') FROM generate_series(3, 5) n",
    ],
)
def test_another_shape_is_refused(owner, query):
    with owner.transaction() as tx, pytest.raises(Malformed, match="another shape"):
        copy_out(tx, query, PAIR)
