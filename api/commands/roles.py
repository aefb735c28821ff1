"""`gram role`: who may what; `gram token`: a token of the development issuer."""

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import DATA, Data, Database, app, out, role_app, settings_of, warn
from registry.clock import rfc3339

if TYPE_CHECKING:
    from registry.identity.grants import Grant

RoleName = Annotated[str, typer.Option(help="holder, applicant, platform, provider, trader, expert, service-body, "
                                            "centre, exchange, bureau or district-bureau.")]  # fmt: skip
Account = Annotated[int | None, typer.Option(help="The account, for roles that are of one.", show_default=False)]
Officer = Annotated[
    int | None, typer.Option(help="The number, for an authority, an expert or a service body.", show_default=False)
]
District = Annotated[
    str | None, typer.Option(help="A district bureau's, in six digits, such as 310104.", show_default=False)
]


@role_app.command()
def grant(
    role: RoleName,
    subject: Annotated[str, typer.Option(help="Who, as the issuer's tokens name them: `sub`.")],
    account: Account = None,
    officer: Officer = None,
    district: District = None,
    until: Annotated[
        str | None, typer.Option(help="When it ends by itself, such as 2028-01-01T00:00:00.000Z.", show_default=False)
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(help="What an expert or service body knows about; may come several times.", show_default=False),
    ] = None,
    name: Annotated[str | None, typer.Option(help="A service body's name, public.", show_default=False)] = None,
    data: Data = DATA,
    database: Database = None,
) -> None:
    """Grant a role to a subject of the issuer, beside a running registry too; prints the grant's number.

    The first officers are granted so; they give the others over REST, two for each.
    """
    from api.installation.site import issuer_name, master_key
    from api.operating.beside import beside
    from registry.accounts.vault import Vault
    from registry.clock import system_clock
    from registry.identity.experts import Dossier, check_dossier, enrol
    from registry.identity.grants import OPERATOR, give
    from registry.identity.subjects import Subject

    settings, wanted = settings_of(data, database=database), _wanted(role, account, officer, district)
    dossier = Dossier(tuple(field or ()), name) if field or name else None
    check_dossier(wanted, dossier)
    end = _moment(until)
    with beside(settings, warn) as at, at.database().transaction() as tx:
        vault, who = Vault(master_key(settings, at.folder)), Subject(issuer_name(settings), subject)
        out.print(str(give(tx, vault, who, wanted, OPERATOR, system_clock(), end)))
        enrol(tx, wanted, dossier)


@role_app.command(name="list")
def list_all(data: Data = DATA, database: Database = None) -> None:
    """List every grant, and what ended."""
    from api.installation.site import master_key
    from api.operating.beside import beside
    from registry.accounts.vault import Vault
    from registry.identity.grants import list_grants
    from registry.identity.roles import Role

    settings = settings_of(data, database=database)
    with beside(settings, warn) as at, at.database().reading() as tx:
        for one in list_grants(tx, Vault(master_key(settings, at.folder)), list(Role)):
            until = "" if one.until_ms is None else f" until {rfc3339(one.until_ms)}"
            until = until if one.revoked_ms is None else f" until {rfc3339(one.revoked_ms)} by {one.revoked_by}"
            since = f"from {rfc3339(one.granted_ms)} by {one.granted_by}{until}"
            out.print(f"{one.id}  {one.grant}  {one.subject.name} at {one.subject.issuer}  {since}", markup=False)


@role_app.command()
def revoke(
    number: Annotated[int, typer.Argument(help="The grant's number.", min=1)],
    data: Data = DATA,
    database: Database = None,
) -> None:
    """End a grant; every process of the registry sees it within two seconds."""
    from api.operating.beside import beside
    from registry.clock import system_clock
    from registry.identity import grants

    with beside(settings_of(data, database=database), warn) as at, at.database().transaction() as tx:
        grants.revoke(tx, number, grants.OPERATOR, system_clock())
    out.print(f"Grant {number} is ended.")


@app.command()
def token(
    role: RoleName,
    account: Account = None,
    officer: Officer = None,
    district: District = None,
    subject: Annotated[
        str | None, typer.Option(help="Who; named after the role when not set.", show_default=False)
    ] = None,
    data: Data = DATA,
    database: Database = None,
) -> None:
    """Print a token of the development issuer, good for an hour, for somebody who gets this role. Not in production."""
    from api.installation.data_folder import read_folder
    from api.installation.site import development_issuer, master_key
    from api.installation.trial import trial_token
    from api.operating.beside import beside
    from registry.accounts.vault import Vault
    from registry.clock import system_clock
    from registry.identity.grants import check_grant

    settings = settings_of(data, database=database)
    development_issuer(settings, read_folder(settings.data))  # first: production has none
    wanted = _wanted(role, account, officer, district)
    check_grant(wanted)
    with beside(settings, warn) as at, at.database().transaction() as tx:
        issuer, vault = development_issuer(settings, at.folder), Vault(master_key(settings, at.folder))
        out.print(trial_token(tx, vault, issuer, wanted, system_clock(), subject), markup=False)


def _moment(text: str | None) -> int | None:
    from api.door.times import maybe_time

    return maybe_time(text)


def _wanted(role: str, account: int | None, officer: int | None, district: str | None) -> "Grant":
    from registry.errors import Invalid
    from registry.identity.grants import Grant
    from registry.identity.roles import NUMBERED, Role

    if role not in set(Role):
        raise Invalid(f"A role is one of: {', '.join(Role)}.")
    if officer is None and account is None and role in NUMBERED:
        officer = 1
    return Grant(Role(role), account, officer, district)
