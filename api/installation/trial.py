"""Somebody to try things as: a subject of the development issuer with a role, and a token of theirs."""

import sqlalchemy as sa

from api.installation.development_issuer import NAME, DevelopmentIssuer
from registry.accounts.vault import Vault
from registry.identity.grants import OPERATOR, Grant, give
from registry.identity.subjects import Subject


def trial_subject(wanted: Grant) -> str:
    """Name somebody after a role: `account-2`, `centre-7`, `provider-2`."""
    if wanted.account is not None:
        return f"{'account' if wanted.role == 'holder' else wanted.role}-{wanted.account}"
    return str(wanted.role) if wanted.officer is None else f"{wanted.role}-{wanted.officer}"


def trial_token(
    tx: sa.Connection, vault: Vault, issuer: DevelopmentIssuer, wanted: Grant, at: int, subject: str | None = None
) -> str:
    """Grant the role, and give an access token, good for an hour. Raises what `give` raises."""
    name = subject or trial_subject(wanted)
    give(tx, vault, Subject(NAME, name), wanted, OPERATOR, at)
    return issuer.token(name, at // 1000)
