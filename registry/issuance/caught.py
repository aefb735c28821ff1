"""What the rules against abuse caught of a batch, in a file of its own until the batch is issued (R50).

A row of it is an activity that would stand, were it not for the rule; a reading that is caught by itself is none.
"""

# mypy: disable-error-code="import-untyped"
import os
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from registry.accounts.vault import Vault
from registry.activities.judged import Judged
from registry.errors import Invalid

MOST: Final = 100_000
"""Of one batch: officers look at each. A file of which more is caught is not worth their time as it is."""


def caught_of(judged: Judged) -> pa.Table:
    """Give the activities in quarantine as a table: as they stand, with `why`, `zh` and `en` beside.

    Raises `Invalid` when they are more than anybody could look at.
    """
    held = judged.activities_held().table
    if held.num_rows > MOST:
        raise Invalid(
            f"{held.num_rows} activities of this batch are in quarantine, and no more than {MOST} can wait there. "
            "Have its platform find out why, and report less at once."
        )
    whys = list(zip(held["why"].to_pylist(), held["detail"].to_pylist(), strict=True))
    sentences = {why: judged.said(*why) for why in set(whys)}
    held = held.drop_columns(["given", "detail"])
    for name in ("zh", "en"):
        held = held.append_column(name, pa.array([getattr(sentences[why], name) for why in whys], pa.string()))
    return held


def keep_table(vault: Vault, table: pa.Table, file: Path) -> None:
    """Write a table sealed, whole or not at all, for nobody but the registry's user."""
    beside = file.with_name(f".{file.name}.tmp")
    with open(beside, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
        made = pa.BufferOutputStream()
        pq.write_table(table, made)
        out.write(vault.seal_words(_bound(file), made.getvalue().to_pybytes()))
    beside.rename(file)


def read_table(vault: Vault, file: Path) -> pa.Table:
    """Read a table that was kept. Raises OSError, and `Unavailable` when it was not sealed so, and for that place."""
    return pq.read_table(pa.BufferReader(vault.open_words(_bound(file), file.read_bytes())))


def _bound(file: Path) -> str:
    return f"batch {file.parent.name} {file.name}"


def read_caught(vault: Vault, file: Path) -> pa.Table | None:
    """Read what was caught; None where nothing was."""
    return read_table(vault, file) if file.exists() else None


def of_accounts(table: pa.Table, accounts: set[int]) -> pa.Table:
    """Pick what is of some accounts."""
    return table.filter(pc.is_in(table["account_id"], value_set=pa.array(sorted(accounts), pa.int64())))
