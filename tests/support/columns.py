"""Every column of every table: what it is to a person who is erased, how it is kept. Tests hold it to the database."""

from enum import Enum


class Is(Enum):
    GONE = "the person's own; NULL, or its row gone, after an erasure"
    CUT = "tells of an act beside a digest that the person's words could be held against; NULL after an erasure"
    DIGEST = "a digest under the master key; after an erasure everything beside it in its row is NULL or of no account"
    SEVERED = "of the account or its acts, reached from an account's number alone, which nothing personal leads to"
    WITHHELD = "evidence: what is sealed of it goes where some of it is personal; its salted digests stay"
    APART = "nothing of any account's: schemes, log, chain"


G, C, D, S, A = Is.GONE, Is.CUT, Is.DIGEST, Is.SEVERED, Is.APART


def _all(kind: Is, names: str) -> dict[str, Is]:
    return dict.fromkeys(names.split(), kind)


COLUMNS: dict[str, dict[str, Is]] = {
    "accounts": {**_all(S, "id kind opened_ms erased_ms lost_tag"), "name": G},
    "account_keys": _all(G, "account_id sealed"),
    "subjects": _all(G, "id digest sealed known_ms"),
    "officers": _all(A, "authority number subject_id"),
    "grants": _all(
        G, "id subject_id role account_id officer granted_ms granted_by revoked_ms revoked_by until_ms district"
    ),
    "experts": _all(A, "role number fields name"),
    "appointments": _all(
        G,
        "id role account_id officer district until_ms fields name subject proposed_by proposed_ms ended_ms ended_by "
        "grant_id",
    ),
    "sessions": _all(G, "digest subject_digest begun_ms ends_ms"),
    "link_codes": _all(G, "digest account_id source_id ends_ms"),
    "mandates": _all(G, "id account_id agent_id given_ms until_ms ended_ms kind"),
    "belongings": _all(G, "id kind digest sealed account_id linked_by from_ms until_ms"),
    "providers": {**_all(S, "id account_id state made_ms changed_ms"), "form": G},
    "offers": _all(
        A,
        "id provider_id kind name_zh name_en text_zh text_en price_g stock budget_g taken_g until_ms state made_ms "
        "decided_by reason",
    ),
    "orders": {
        **_all(S, "id number offer_id provider_id pieces quantity_g act_id state placed_ms shipped_ms received_ms"),
        **_all(S, "ended_ms complained_ms answered_by answered_ms has_complaint"),
        **_all(G, "buyer_id delivery complaint answer"),
    },
    "vouchers": _all(G, "id offer_id digest sealed order_number"),
    "expiry_notices": _all(G, "account_id until_ms days quantity_g at_ms"),
    "standing_orders": _all(G, "id account_id given_ms ended_ms"),
    "reads": _all(G, "id account_id reader what purpose at_ms"),
    "consents": _all(G, "id source_id user_digest sealed_user account_id given_ms revoked_ms others"),
    "events": {**_all(S, "id account_id number type at_ms data"), **_all(G, "person_id external_id")},
    "feeds": _all(S, "account_id last gone"),
    "webhooks": _all(
        G,
        "id account_id subject_digest url types secret old_secret old_until_ms made_ms delivered tries next_ms "
        "failing_ms failure disabled_ms disabled_for",
    ),
    "evidence": {**_all(S, "digest account_id fields public"), **_all(Is.WITHHELD, "personal sealed")},
    "acts": _all(S, "id kind account_id at_ms quantity_g"),
    "movements": _all(
        S,
        "id act_id giver_id account_id kind form flags purpose first_g last_g parent_id at_ms until_ms from_tag to_tag "
        "evidence",
    ),
    "blocks": _all(
        S, "id movement_id account_id lot_id lot_first_g lot_last_g first_g last_g form flags until_ms"
    ),
    "activities": {
        "source_id": A, "reference": D, **_all(C, "account_id starts_ms ends_ms quantity_g lot_id"),
    },
    "recognised": {
        **_all(A, "source_id batch_id"), "reference": D, **_all(C, "account_id starts_ms ends_ms quantity_g"),
    },
    "occupied": {"subject": G, **_all(G, "starts_ms ends_ms account_id lot_id")},
    "certificates": {
        **_all(S, "number act_id account_id purpose form quantity_g issued_ms"),
        **_all(G, "holder beneficiary statement"),
    },
    "idempotency": {"claim": D, **_all(C, "request_mac account_id status response")},
    "jobs": _all(
        G,
        "id turn account_id kind asked asked_ms total_g done_g made steps tries ended_ms answer problem",
    ),
    "lots": _all(
        A,
        "id first_g last_g source_id methodology_code methodology_version period_from_ms period_until_ms issued_ms "
        "inputs_sha256 is_lost activities",
    ),
    "installation": _all(A, "sole origin vkey master_check chain_id contract"),
    "methodologies": _all(A, "code version class status record digest decision"),
    "methodology_texts": _all(A, "code version record digest"),
    "policies": _all(A, "id name in_force_ms value digest decision"),
    "sources": _all(
        A,
        "id kind name_zh name_en applicant_id methodology_code methodology_version valid_from_ms valid_until_ms "
        "district developer_id rural shares",
    ),
    "supports": _all(
        G,
        "id what account_id entered_by by_name title_zh title_en text_zh text_en kinds districts methodologies least_g "
        "most_g until_ms entered_ms state decided_by decided_ms",
    ),
    "disclosures": _all(G, "id source_id account_id financier_id given_ms ended_ms"),
    "disclosure_reads": _all(G, "disclosure_id at_ms"),
    "calls": _all(
        A,
        "id title_zh title_en kinds opens_ms closes_ms documents verification entered_by entered_ms ended_ms ended_by",
    ),
    "lists": _all(A, "id name purpose dated origin sha256 entries imported_by imported_ms"),
    "list_entries": _all(A, "list_id place kind identifier entity identifier_normal entity_normal"),
    "objections": _all(
        A,
        "id case_number made_ms origin same digest document named answered_ms answered_by answer answer_digest "
        "answer_named",
    ),
    "source_assets": {**_all(A, "source_id place kind"), "digest": D, "identifier": G},
    "match_judgements": _all(A, "source_id list_id place officer same reason at_ms"),
    "submissions": _all(
        G,
        "id record account_id submitter district content state made_ms changed_ms officer reason words case_number",
    ),
    "batches": _all(
        A,
        "id source_id profile bytes sha256 digest period_from_ms period_until_ms begun_ms state version changed_ms "
        "work turn tries progress proposer approver case_number summary problem lot_id is_release",
    ),
    "quarantine": {
        **_all(
            S,
            "id source_id batch_id row reason state caught_ms appeal_until_ms lapses_ms appealed_ms release_id "
            "decided_ms decided_by outcome",
        ),
        "reference": D,
        **_all(G, "account_id starts_ms ends_ms quantity_g sealed appeal words"),
    },
    "reconciliations": _all(A, "id source_id day platform registry agrees at_ms settled_ms settled_by note"),
    "sharings": _all(A, "id source_id other_id named_ms named_by ended_ms"),
    "duplicates": _all(
        A, "id source_id other_id batch_id activities is_named at_ms settled_ms settled_by note"
    ),
    "batch_parts": _all(A, "batch_id first_byte bytes sha256"),
    "opinions": _all(
        A,
        "id case_number about role number state asked_by asked_ms ended_ms stance reason document digest",
    ),
    "integrity": _all(
        S,
        "id role number account_id name finding reasons bars state opened_by opened_ms approved_by approved_ms "
        "until_ms appeal appealed_ms answered_by answer answered_ms case_number salt",
    ),
    "corrections": {
        **_all(A, "case_number lot_id ranges reason caused_by state changed_ms voided_g shortfall_g"),
        "explanation": G,
    },
    "corrected": _all(A, "first_g last_g case_number"),
    "corrected_accounts": _all(G, "case_number account_id issued_g voided_g"),
    "cases": _all(A, "number about"),
    "case_standing": _all(A, "case_number last_id state"),
    "decisions": _all(A, "movement_id case_number"),
    "motions": _all(A, "id case_number decision mover reason moved_ms ended_ms ended_by approved given"),
    "frontier": _all(A, "sole next_g"),
    "origins": _all(A, "first_g last_g lot_g"),
    "totals": _all(A, "lot_id form purpose grams"),
    "totals_counted": _all(A, "sole size"),
    "unsequenced": _all(S, "movement_id"),
    "seals": _all(S, "first_id count mac"),
    "set_aside": _all(S, "movement_id reason at_ms dismissed_ms dismissed"),
    "log_entries": _all(S, "index movement_id leaf"),
    "log_head": _all(A, "sole size published_size known_size"),
    "recoveries": _all(A, "from_size size source begun_ms finished_ms"),
    "checkpoints": _all(A, "size root frontier_g ended_g peaks note signed_ms"),
    "publications": _all(A, "size note published_ms after"),
    "anchors": _all(A, "size chain_id contract transaction block gas anchored_ms final_ms"),
    "chain_transactions": _all(A, "hash chain_id payer nonce purpose raw sent_ms"),
    "alembic_version": _all(A, "version_num"),
}  # fmt: skip


class Kept(Enum):
    """How a column is kept that could hold words or bytes: `text`, `jsonb`, `bytea` and lists."""

    SEALED = "under the master key, or under a key that is sealed under it; answers under their asker's key too"
    DIGEST = "a digest under the master key, or of random bytes"
    TERM = "the program's own words, numbers and times: kinds, states, roles, routes, counts"
    OFFICER = "an officer's number, which the log publishes with what he decided"
    PUBLIC = "what the log, the chain or the interface shows to anybody"
    BUSINESS = "an institution's own matter, of nobody in person"


def _kept(**names: str) -> dict[str, Kept]:
    return {name: Kept[kind.upper()] for kind, columns in names.items() for name in columns.split()}


AT_REST: dict[str, dict[str, Kept]] = {
    "accounts": _kept(term="kind", sealed="name", public="lost_tag"),
    "account_keys": _kept(sealed="sealed"),
    "subjects": _kept(digest="digest", sealed="sealed"),
    "officers": _kept(officer="authority"),
    "grants": _kept(term="role district", officer="granted_by revoked_by"),
    "experts": _kept(term="role fields", public="name"),
    "appointments": _kept(term="role district fields", officer="proposed_by ended_by", public="name", sealed="subject"),
    "sessions": _kept(digest="digest subject_digest"),
    "link_codes": _kept(digest="digest"),
    "mandates": _kept(term="kind"),
    "belongings": _kept(term="kind", digest="digest", sealed="sealed", officer="linked_by"),
    "reads": _kept(officer="reader", term="what", sealed="purpose"),
    "consents": _kept(digest="user_digest", sealed="sealed_user", term="others"),
    "events": _kept(term="type data", sealed="external_id"),
    "webhooks": _kept(
        digest="subject_digest", business="url", term="types failure disabled_for", sealed="secret old_secret"
    ),
    "evidence": _kept(public="digest public", term="personal", business="fields", sealed="sealed"),
    "acts": _kept(term="kind"),
    "movements": _kept(public="from_tag to_tag evidence"),
    "activities": _kept(digest="reference"),
    "recognised": _kept(digest="reference"),
    "occupied": _kept(digest="subject"),
    "certificates": _kept(public="number", sealed="holder beneficiary statement"),
    "idempotency": _kept(digest="claim request_mac", sealed="response"),
    "jobs": _kept(term="kind made", sealed="asked answer problem"),
    "lots": _kept(public="methodology_code inputs_sha256"),
    "installation": _kept(public="origin vkey contract", digest="master_check"),
    "methodologies": _kept(public="code class status record digest decision"),
    "methodology_texts": _kept(public="code record digest"),
    "policies": _kept(public="name value digest decision"),
    "sources": _kept(public="kind name_zh name_en methodology_code district shares", term="rural"),
    "supports": _kept(
        public="by_name title_zh title_en text_zh text_en kinds districts methodologies", term="what state",
        officer="entered_by decided_by",
    ),
    "calls": _kept(
        public="title_zh title_en kinds documents verification", officer="entered_by ended_by"
    ),
    "lists": _kept(public="name purpose origin sha256", officer="imported_by"),
    "list_entries": _kept(business="kind identifier entity identifier_normal entity_normal"),
    "objections": _kept(
        public="case_number digest answer_digest", digest="origin same", sealed="document answer", officer="answered_by"
    ),
    "providers": _kept(term="state", sealed="form"),
    "offers": _kept(public="kind name_zh name_en text_zh text_en reason", term="state", officer="decided_by"),
    "orders": _kept(
        public="number", term="state", sealed="delivery complaint answer", officer="answered_by"
    ),
    "vouchers": _kept(digest="digest", sealed="sealed", public="order_number"),
    "source_assets": _kept(term="kind", digest="digest", sealed="identifier"),
    "match_judgements": _kept(officer="officer", public="reason"),
    "submissions": _kept(
        term="record state district reason", digest="submitter", sealed="content words", officer="officer",
        public="case_number",
    ),
    "batches": _kept(
        business="profile sha256", digest="digest", term="state work progress summary problem",
        officer="proposer approver", public="case_number",
    ),
    "quarantine": _kept(
        digest="reference", term="reason state outcome", sealed="sealed appeal words", officer="decided_by"
    ),
    "sharings": _kept(officer="named_by"),
    "duplicates": _kept(officer="settled_by", business="note"),
    "reconciliations": _kept(term="day platform registry", officer="settled_by", business="note"),
    "batch_parts": _kept(business="sha256"),
    "opinions": _kept(
        public="case_number about stance reason digest", term="role state", officer="asked_by", sealed="document"
    ),
    "integrity": _kept(
        term="role state", public="name finding case_number", sealed="reasons appeal answer salt",
        officer="opened_by approved_by answered_by",
    ),
    "corrections": _kept(public="case_number ranges reason", term="state", sealed="explanation"),
    "corrected": _kept(public="case_number"),
    "corrected_accounts": _kept(public="case_number"),
    "cases": _kept(public="number about"),
    "case_standing": _kept(public="case_number state"),
    "decisions": _kept(public="case_number"),
    "motions": _kept(public="case_number decision reason given", officer="mover ended_by"),
    "seals": _kept(digest="mac"),
    "set_aside": _kept(term="reason dismissed"),
    "log_entries": _kept(public="leaf"),
    "recoveries": _kept(business="source"),
    "checkpoints": _kept(public="root peaks note"),
    "publications": _kept(public="note"),
    "anchors": _kept(public="contract transaction"),
    "chain_transactions": _kept(public="hash payer purpose raw"),
    "alembic_version": _kept(term="version_num"),
}  # fmt: skip
"""Every such column. Numbers of accounts stand in clear: nothing that is in clear leads from a person to one."""
