"""The tables as SQLAlchemy Core knows them. The migrations are their definition; a test holds the two together."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, INT8RANGE, JSONB

metadata = sa.MetaData()


def _table(name: str, /, **columns: Any) -> sa.Table:
    return sa.Table(name, metadata, *(sa.Column(column, kind) for column, kind in columns.items()))


_int, _text, _bytes = sa.BigInteger, sa.Text, sa.LargeBinary

installation = _table(
    "installation", sole=sa.Boolean, origin=_text, vkey=_text, master_check=_bytes, chain_id=_int, contract=_text
)
accounts = _table("accounts", id=_int, kind=_text, name=_bytes, opened_ms=_int, erased_ms=_int, lost_tag=_bytes)
account_keys = _table("account_keys", account_id=_int, sealed=_bytes)
subjects = _table("subjects", id=_int, digest=_bytes, sealed=_bytes, known_ms=_int)
officers = _table("officers", authority=_text, number=sa.Integer, subject_id=_int)
grants = _table(
    "grants",
    id=_int,
    subject_id=_int,
    role=_text,
    account_id=_int,
    officer=sa.Integer,
    granted_ms=_int,
    granted_by=_text,
    revoked_ms=_int,
    revoked_by=_text,
    until_ms=_int,
    district=_text,
)
experts = _table("experts", role=_text, number=sa.Integer, fields=ARRAY(_text), name=_text)
appointments = _table(
    "appointments",
    id=_int,
    role=_text,
    account_id=_int,
    officer=sa.Integer,
    district=_text,
    until_ms=_int,
    fields=ARRAY(_text),
    name=_text,
    subject=_bytes,
    proposed_by=_text,
    proposed_ms=_int,
    ended_ms=_int,
    ended_by=_text,
    grant_id=_int,
)
sessions = _table("sessions", digest=_bytes, subject_digest=_bytes, begun_ms=_int, ends_ms=_int)
methodologies = _table(
    "methodologies",
    code=_text,
    version=sa.Integer,
    **{"class": _text},
    status=_text,
    record=JSONB,
    digest=_bytes,
    decision=_bytes,
)
methodology_texts = _table("methodology_texts", code=_text, version=sa.Integer, record=JSONB, digest=_bytes)
policies = _table("policies", id=_int, name=_text, in_force_ms=_int, value=JSONB, digest=_bytes, decision=_bytes)
sources = _table(
    "sources",
    id=_int,
    kind=_text,
    name_zh=_text,
    name_en=_text,
    applicant_id=_int,
    methodology_code=_text,
    methodology_version=sa.Integer,
    valid_from_ms=_int,
    valid_until_ms=_int,
    district=_text,
    developer_id=_int,
    rural=_text,
    shares=ARRAY(_text),
)
supports = _table(
    "supports",
    id=_int,
    what=_text,
    account_id=_int,
    entered_by=_text,
    by_name=_text,
    title_zh=_text,
    title_en=_text,
    text_zh=_text,
    text_en=_text,
    kinds=ARRAY(_text),
    districts=ARRAY(_text),
    methodologies=ARRAY(_text),
    least_g=_int,
    most_g=_int,
    until_ms=_int,
    entered_ms=_int,
    state=_text,
    decided_by=_text,
    decided_ms=_int,
)
disclosures = _table(
    "disclosures", id=_int, source_id=_int, account_id=_int, financier_id=_int, given_ms=_int, ended_ms=_int
)
disclosure_reads = _table("disclosure_reads", disclosure_id=_int, at_ms=_int)
calls = _table(
    "calls",
    id=_int,
    title_zh=_text,
    title_en=_text,
    kinds=ARRAY(_text),
    opens_ms=_int,
    closes_ms=_int,
    documents=ARRAY(_text),
    verification=_text,
    entered_by=_text,
    entered_ms=_int,
    ended_ms=_int,
    ended_by=_text,
)
lists = _table(
    "lists",
    id=_int,
    name=_text,
    purpose=_text,
    dated=sa.Date,
    origin=_text,
    sha256=_bytes,
    entries=sa.Integer,
    imported_by=_text,
    imported_ms=_int,
)
list_entries = _table(
    "list_entries",
    list_id=_int,
    place=sa.Integer,
    kind=_text,
    identifier=_text,
    entity=_text,
    identifier_normal=_text,
    entity_normal=_text,
)
objections = _table(
    "objections",
    id=_int,
    case_number=_text,
    made_ms=_int,
    origin=_bytes,
    same=_bytes,
    digest=_bytes,
    document=_bytes,
    named=sa.Boolean,
    answered_ms=_int,
    answered_by=_text,
    answer=_bytes,
    answer_digest=_bytes,
    answer_named=sa.Boolean,
)
source_assets = _table(
    "source_assets", source_id=_int, place=sa.SmallInteger, kind=_text, digest=_bytes, identifier=_bytes
)
match_judgements = _table(
    "match_judgements",
    source_id=_int,
    list_id=_int,
    place=sa.Integer,
    officer=_text,
    same=sa.Boolean,
    reason=_text,
    at_ms=_int,
)
submissions = _table(
    "submissions",
    id=_int,
    record=_text,
    account_id=_int,
    submitter=_bytes,
    district=_text,
    content=_bytes,
    state=_text,
    made_ms=_int,
    changed_ms=_int,
    officer=_text,
    reason=_text,
    words=_bytes,
    case_number=_text,
)
opinions = _table(
    "opinions",
    id=_int,
    case_number=_text,
    about=_bytes,
    role=_text,
    number=sa.Integer,
    state=_text,
    asked_by=_text,
    asked_ms=_int,
    ended_ms=_int,
    stance=_text,
    reason=_text,
    document=_bytes,
    digest=_bytes,
)
integrity = _table(
    "integrity",
    id=_int,
    role=_text,
    number=sa.Integer,
    account_id=_int,
    name=_text,
    finding=_text,
    reasons=_bytes,
    bars=sa.Boolean,
    state=_text,
    opened_by=_text,
    opened_ms=_int,
    approved_by=_text,
    approved_ms=_int,
    until_ms=_int,
    appeal=_bytes,
    appealed_ms=_int,
    answered_by=_text,
    answer=_bytes,
    answered_ms=_int,
    case_number=_text,
    salt=_bytes,
)
consents = _table(
    "consents",
    id=_int,
    source_id=_int,
    user_digest=_bytes,
    sealed_user=_bytes,
    account_id=_int,
    given_ms=_int,
    revoked_ms=_int,
    others=ARRAY(_int),
)
link_codes = _table("link_codes", digest=_bytes, account_id=_int, source_id=_int, ends_ms=_int)
mandates = _table(
    "mandates", id=_int, account_id=_int, agent_id=_int, given_ms=_int, until_ms=_int, ended_ms=_int, kind=_text
)
providers = _table("providers", id=_int, account_id=_int, state=_text, made_ms=_int, changed_ms=_int, form=_bytes)
offers = _table(
    "offers",
    id=_int,
    provider_id=_int,
    kind=_text,
    name_zh=_text,
    name_en=_text,
    text_zh=_text,
    text_en=_text,
    price_g=_int,
    stock=_int,
    budget_g=_int,
    taken_g=_int,
    until_ms=_int,
    state=_text,
    made_ms=_int,
    decided_by=_text,
    reason=_text,
)
orders = _table(
    "orders",
    id=_int,
    number=_text,
    offer_id=_int,
    buyer_id=_int,
    provider_id=_int,
    pieces=_int,
    quantity_g=_int,
    act_id=_int,
    state=_text,
    placed_ms=_int,
    shipped_ms=_int,
    received_ms=_int,
    ended_ms=_int,
    delivery=_bytes,
    complaint=_bytes,
    complained_ms=_int,
    answer=_bytes,
    answered_by=_text,
    answered_ms=_int,
    has_complaint=sa.Boolean,
)
vouchers = _table("vouchers", id=_int, offer_id=_int, digest=_bytes, sealed=_bytes, order_number=_text)
expiry_notices = _table("expiry_notices", account_id=_int, until_ms=_int, days=_int, quantity_g=_int, at_ms=_int)
standing_orders = _table("standing_orders", id=_int, account_id=_int, given_ms=_int, ended_ms=_int)
belongings = _table(
    "belongings",
    id=_int,
    kind=_text,
    digest=_bytes,
    sealed=_bytes,
    account_id=_int,
    linked_by=_text,
    from_ms=_int,
    until_ms=_int,
)
reads = _table("reads", id=_int, account_id=_int, reader=_text, what=_text, purpose=_bytes, at_ms=_int)
events = _table(
    "events",
    id=_int,
    account_id=_int,
    number=_int,
    type=_text,
    at_ms=_int,
    data=JSONB,
    person_id=_int,
    external_id=_bytes,
)
feeds = _table("feeds", account_id=_int, last=_int, gone=_int)
webhooks = _table(
    "webhooks",
    id=_int,
    account_id=_int,
    subject_digest=_bytes,
    url=_text,
    types=ARRAY(_text),
    secret=_bytes,
    old_secret=_bytes,
    old_until_ms=_int,
    made_ms=_int,
    delivered=_int,
    tries=_int,
    next_ms=_int,
    failing_ms=_int,
    failure=_text,
    disabled_ms=_int,
    disabled_for=_text,
)
evidence = _table(
    "evidence", digest=_bytes, account_id=_int, personal=ARRAY(_text), fields=JSONB, sealed=_bytes, public=_text
)
cases = _table("cases", number=_text, about=_text)
case_standing = _table("case_standing", case_number=_text, last_id=_int, state=_text)
decisions = _table("decisions", movement_id=_int, case_number=_text)
motions = _table(
    "motions",
    id=_int,
    case_number=_text,
    decision=_text,
    mover=_text,
    reason=_text,
    moved_ms=_int,
    ended_ms=_int,
    ended_by=_text,
    approved=sa.Boolean,
    given=JSONB,
)
corrections = _table(
    "corrections",
    case_number=_text,
    lot_id=_int,
    ranges=ARRAY(INT8RANGE),
    reason=_text,
    explanation=_bytes,
    caused_by=_int,
    state=_text,
    changed_ms=_int,
    voided_g=_int,
    shortfall_g=_int,
)
corrected = _table("corrected", first_g=_int, last_g=_int, case_number=_text)
corrected_accounts = _table("corrected_accounts", case_number=_text, account_id=_int, issued_g=_int, voided_g=_int)
acts = _table("acts", id=_int, kind=_text, account_id=_int, at_ms=_int, quantity_g=_int)
frontier = _table("frontier", sole=sa.Boolean, next_g=_int)
lots = _table(
    "lots",
    id=_int,
    first_g=_int,
    last_g=_int,
    source_id=_int,
    methodology_code=_text,
    methodology_version=sa.Integer,
    period_from_ms=_int,
    period_until_ms=_int,
    issued_ms=_int,
    inputs_sha256=_bytes,
    is_lost=sa.Boolean,
    activities=_int,
)
activities = _table(
    "activities",
    source_id=_int,
    reference=_bytes,
    account_id=_int,
    starts_ms=_int,
    ends_ms=_int,
    quantity_g=_int,
    lot_id=_int,
)
batches = _table(
    "batches",
    id=_int,
    source_id=_int,
    profile=_text,
    bytes=_int,
    sha256=_bytes,
    digest=_bytes,
    period_from_ms=_int,
    period_until_ms=_int,
    begun_ms=_int,
    state=_text,
    version=_int,
    changed_ms=_int,
    work=_text,
    turn=_int,
    tries=_int,
    progress=JSONB,
    proposer=_text,
    approver=_text,
    case_number=_text,
    summary=JSONB,
    problem=JSONB,
    lot_id=_int,
    is_release=sa.Boolean,
)
quarantine = _table(
    "quarantine",
    id=_int,
    source_id=_int,
    batch_id=_int,
    reference=_bytes,
    row=_int,
    reason=_text,
    state=_text,
    account_id=_int,
    starts_ms=_int,
    ends_ms=_int,
    quantity_g=_int,
    sealed=_bytes,
    caught_ms=_int,
    appeal_until_ms=_int,
    lapses_ms=_int,
    appeal=_bytes,
    appealed_ms=_int,
    release_id=_int,
    decided_ms=_int,
    decided_by=_text,
    outcome=_text,
    words=_bytes,
)
sharings = _table("sharings", id=_int, source_id=_int, other_id=_int, named_ms=_int, named_by=_text, ended_ms=_int)
duplicates = _table(
    "duplicates",
    id=_int,
    source_id=_int,
    other_id=_int,
    batch_id=_int,
    activities=_int,
    is_named=sa.Boolean,
    at_ms=_int,
    settled_ms=_int,
    settled_by=_text,
    note=_text,
)
recognised = _table(
    "recognised",
    source_id=_int,
    reference=_bytes,
    batch_id=_int,
    account_id=_int,
    starts_ms=_int,
    ends_ms=_int,
    quantity_g=_int,
)
reconciliations = _table(
    "reconciliations",
    id=_int,
    source_id=_int,
    day=_text,
    platform=JSONB,
    registry=JSONB,
    agrees=sa.Boolean,
    at_ms=_int,
    settled_ms=_int,
    settled_by=_text,
    note=_text,
)
batch_parts = _table("batch_parts", batch_id=_int, first_byte=_int, bytes=_int, sha256=_bytes)
occupied = _table("occupied", subject=_bytes, starts_ms=_int, ends_ms=_int, account_id=_int, lot_id=_int)
movements = _table(
    "movements",
    id=_int,
    act_id=_int,
    giver_id=_int,
    account_id=_int,
    kind=sa.SmallInteger,
    form=sa.SmallInteger,
    flags=sa.SmallInteger,
    purpose=sa.Integer,
    first_g=_int,
    last_g=_int,
    parent_id=_int,
    at_ms=_int,
    until_ms=_int,
    from_tag=_bytes,
    to_tag=_bytes,
    evidence=_bytes,
)
blocks = _table(
    "blocks",
    id=_int,
    movement_id=_int,
    account_id=_int,
    lot_id=_int,
    lot_first_g=_int,
    lot_last_g=_int,
    first_g=_int,
    last_g=_int,
    form=sa.SmallInteger,
    flags=sa.SmallInteger,
    until_ms=_int,
)
totals = _table("totals", lot_id=_int, form=sa.SmallInteger, purpose=sa.Integer, grams=_int)
totals_counted = _table("totals_counted", sole=sa.Boolean, size=_int)
origins = _table("origins", first_g=_int, last_g=_int, lot_g=_int)
certificates = _table(
    "certificates",
    number=_text,
    act_id=_int,
    account_id=_int,
    holder=_bytes,
    purpose=sa.Integer,
    form=sa.SmallInteger,
    quantity_g=_int,
    beneficiary=_bytes,
    statement=_bytes,
    issued_ms=_int,
)
idempotency = _table(
    "idempotency",
    claim=_bytes,
    request_mac=_bytes,
    account_id=_int,
    status=sa.Integer,
    response=_bytes,
)
jobs = _table(
    "jobs",
    id=_int,
    turn=_int,
    account_id=_int,
    kind=_text,
    asked=_bytes,
    asked_ms=_int,
    total_g=_int,
    done_g=_int,
    made=ARRAY(INT8RANGE),
    steps=_int,
    tries=_int,
    ended_ms=_int,
    answer=_bytes,
    problem=_bytes,
)
seals = _table("seals", first_id=_int, count=sa.Integer, mac=_bytes)
unsequenced = _table("unsequenced", movement_id=_int)
set_aside = _table("set_aside", movement_id=_int, reason=_text, at_ms=_int, dismissed_ms=_int, dismissed=JSONB)
log_entries = _table("log_entries", index=_int, movement_id=_int, leaf=_bytes)
log_head = _table("log_head", sole=sa.Boolean, size=_int, published_size=_int, known_size=_int)
recoveries = _table("recoveries", from_size=_int, size=_int, source=_text, begun_ms=_int, finished_ms=_int)
checkpoints = _table(
    "checkpoints", size=_int, root=_bytes, frontier_g=_int, ended_g=_int, peaks=_bytes, note=_text, signed_ms=_int
)
publications = _table("publications", size=_int, note=_text, published_ms=_int, after=_int)
anchors = _table(
    "anchors",
    size=_int,
    chain_id=_int,
    contract=_text,
    transaction=_text,
    block=_int,
    gas=_int,
    anchored_ms=_int,
    final_ms=_int,
)
chain_transactions = _table(
    "chain_transactions", hash=_bytes, chain_id=_int, payer=_text, nonce=_int, purpose=_bytes, raw=_bytes, sent_ms=_int
)
