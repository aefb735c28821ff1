"""A sample context for every template, as hostile as data may be."""

from typing import Any

from api.explorer.guide import connecting
from api.points.shapes import Expiring, Honour, Notice, Points

HOSTILE = "<script>alert(1)</script>'\"&"
NOW_MS = 1_795_226_400_000

ABOUT: dict[str, Any] = {
    "origin": HOSTILE,
    "vkey": HOSTILE,
    "log_url": "https://log.example",
    "chain": {"rpc": "https://rpc.example", "id": 31337, "contract": "0x" + "ab" * 20},
    "signers": [{"name_zh": HOSTILE, "name_en": HOSTILE, "address": "0x" + "11" * 20, "cosigner_vkey": HOSTILE}],
}


def movement(kind: int = 1, state: str = "final", **fields: Any) -> dict[str, Any]:
    """Build a movement as the templates expect it."""
    return {
        "index": kind,
        "kind": kind,
        "form": 2,
        "flags": 31,
        "purpose": 17,
        "quantity_g": 1_234_567,
        "serial": "SHCER-0-1234566",
        "first": 0,
        "last": 1_234_567,
        "parent_index": 0,
        "at": "2026-11-19T06:03:22.123Z",
        "until": "2028-11-19T06:03:22+00:00",
        "from_tag": "aa" * 20,
        "to_tag": "bb" * 20,
        "evidence": "cc" * 32,
        "gathered_into": "SHCER-9000000-10234566" if kind == 6 else None,
        "leaf_hex": "01" * 114,
        "state": state,
        "due": "2026-11-21T08:05:00Z",
        "receipt_url": f"/v1/leaves/{kind}/receipt",
        "receipt_file": HOSTILE,
    } | fields


EVERY_KIND = [movement(kind) for kind in (*range(1, 13), *range(64, 72), 200)]
EVERY_STATE = [movement(2, state) for state in ("logged", "anchored", "final")]

LOT: dict[str, Any] = {
    "id": "lot-1",
    "serial": "SHCER-0-1234566",
    "first": 0,
    "last": 1_234_567,
    "quantity_g": 1_234_567,
    "source": {"name_zh": HOSTILE, "name_en": HOSTILE},
    "methodology": {
        "code": "M1",
        "version": 1,
        "name_zh": HOSTILE,
        "name_en": HOSTILE,
        "class": "II",
        "status": "illustrative",
    },
    "period_start": "2016-08-01",
    "period_end": "2016-08-31",
    "issued_at": "2026-11-18T01:00:00Z",
    "activities": 987,
}
TOTALS: dict[str, Any] = {
    "issued_g": 1_234_567,
    "reduction_g": 1_000_000,
    "points_g": 200_000,
    "ended_g": {"16": 0, "17": 34_000, "expired": 567},
    "gathered_g": 0,
}
CHECKPOINT: dict[str, Any] = {
    "size": 10_433,
    "root": "9f" * 32,
    "at": "2026-11-21T01:55:00Z",
    "cosigners": ABOUT["signers"],
}
ANCHOR: dict[str, Any] = {
    "size": 9,
    "root": "8e" * 32,
    "tx": "0xcd",
    "block": 4711,
    "at": "2026-11-21T01:50:00Z",
    "state": "anchored",
}
CERTIFICATE: dict[str, Any] = {
    "number": HOSTILE,
    "purpose": 17,
    "quantity_g": 1_234_567,
    "at": "2026-11-20T06:00:00Z",
    "holder": HOSTILE,
    "beneficiary": HOSTILE,
    "statement": HOSTILE,
    "url": "https://registry.example/certificates/1",
    "is_logged": False,
}
BLOCK: dict[str, Any] = {
    "serial": "SHCER-0-1234566",
    "first": 0,
    "last": 1_234_567,
    "quantity_g": 1_234_567,
    "form": 2,
    "moved": True,
}

HOSTILES = {"zh": HOSTILE, "en": HOSTILE}
SOURCE: dict[str, Any] = {
    "number": 3,
    "case": "S-3",
    "index": 7,
    "name": {"zh": HOSTILE, "en": HOSTILE},
    "kind": "project",
    "state": {"zh": HOSTILE, "en": HOSTILE},
    "district": None,
    "rural": "declared",
    "issued_g": 1_234_567,
    "methodology": HOSTILE,
    "version": 1,
    "valid_from": "2026-11-20T06:00:00.000Z",
    "valid_until": None,
    "fits": [{"by": None, "title": {"zh": HOSTILE, "en": HOSTILE}, "text": {"zh": HOSTILE, "en": HOSTILE}}],
    "shares": [{"sharer": "developer", "name": HOSTILE, "percent": "100.00"}],
    "benefits": [{"zh": HOSTILE, "en": HOSTILE, "unit": "L"}],
}
DECISION: dict[str, Any] = {
    "index": 7,
    "at": "2026-11-20T06:00:00.000Z",
    "case": "P-3",
    "record": "policy",
    "about": HOSTILE,
    "words": {"zh": HOSTILE, "en": HOSTILE},
    "state": {"zh": HOSTILE, "en": HOSTILE},
    "actor": {"authority": "bureau", "number": "1"},
    "second": {"authority": HOSTILE, "number": HOSTILE},
    "reason": HOSTILE,
    "opinions": [
        {"by": {"authority": "expert", "number": "3"}, "stance": "for", "reason": HOSTILE, "digest": "ab" * 32},
        {"by": {"authority": HOSTILE, "number": HOSTILE}, "stance": HOSTILE, "reason": HOSTILE, "digest": HOSTILE},
    ],
    "publicity": {"begins": "2026-11-20T06:00:00.000Z", "ends": "2026-11-27T06:00:00.000Z"},
    "facts": {"lists": ["ccer 2026-10-01 " + "0" * 64], "matches": []},
}

LATER = "2026-11-20T06:00:00.000Z"
POINTS = Points(
    usable_g=1_234_567,
    by_expiry=[Expiring(until=LATER, quantity_g=1_234_567)],
    locked_g=0,
    historical_g=7,
    honour=Honour(zh=HOSTILE, en=HOSTILE, from_g=7),
    next_honour=None,
    notices=[Notice(until=LATER, days_before=7, quantity_g=7, at=LATER)],
    standing_order_since=LATER,
)

CONTEXTS: dict[str, dict[str, Any]] = {
    "case.html": {
        "case": {
            "number": "P-3",
            "record": "policy",
            "about": HOSTILE,
            "state": {"zh": HOSTILE, "en": HOSTILE},
            "decisions": [DECISION, DECISION | {"second": None, "publicity": None, "reason": None, "opinions": []}],
            "next_cursor": HOSTILE,
            "computation": {
                "version": 1,
                "formula": {"zh": HOSTILE, "en": HOSTILE},
                "benefits": [{"zh": HOSTILE, "en": HOSTILE, "unit": "L"}],
            },
        }
    },
    "sources.html": {
        "sources": [SOURCE],
        "next": "/sources?cursor=3",
        "kinds": ["project"],
        "wanted": {"kind": "project", "district": HOSTILE},
    },
    "source.html": {"source": SOURCE},
    "policies.html": {
        "policies": [
            {
                "name": HOSTILE,
                "words": {"zh": HOSTILE, "en": HOSTILE},
                "case": "P-3",
                "index": 7,
                "in_force": since,
                "value": HOSTILE,
            }
            for since in (None, "2026-11-20T06:00:00.000Z")
        ]
    },
    "docs.html": {"guide": connecting()},
    "me.html": {
        "grants": ["holder of account 2", HOSTILE],
        "people": [
            {
                "number": 2,
                "points": POINTS,
                "scenes": [
                    {
                        "source": 1,
                        "name": {"zh": HOSTILE, "en": HOSTILE},
                        "since": "2026-11-20T06:00:00.000Z",
                        "seen": seen,
                        "named": [HOSTILES],
                        "since_named": [HOSTILES],
                    }
                    for seen in (None, LATER)
                ],
                "others": [{"source": 3, "name": HOSTILES, "named": [HOSTILES]}],
                "held": [
                    {
                        "number": number,
                        "state": "waiting",
                        "why": HOSTILES,
                        "begins": LATER,
                        "grams": 7,
                        "appeal": HOSTILE,
                        "words": HOSTILE,
                        "appeal_until": until,
                    }
                    for number, until in ((1, LATER), (2, None))
                ],
                "recognised": [{"name": {"zh": HOSTILE, "en": HOSTILE}, "acts": 3, "saved_g": 7}],
                "things": [{"kind": HOSTILE, "ending": HOSTILE, "since": "2026-11-20T06:00:00.000Z"}],
            }
        ],
        "code": {"account": 2, "source": 3, "code": HOSTILE, "until": "2026-11-20T06:10:00.000Z"},
    },
    "home.html": {
        "examples": [HOSTILE],
        "totals": TOTALS,
        "movements": EVERY_KIND,
        "checkpoint": CHECKPOINT,
        "anchor": ANCHOR,
    },
    "block.html": {
        "block": BLOCK,
        "gram": 7,
        "namesake": 7,
        "bundle": {"serial": "SHCER-0-9999999", "before": 77},
        "origins": {"lots": [LOT | {"grams": 1_234_567}, LOT | {"grams": 1}], "other_lots": 3, "other_g": 77},
        "life": EVERY_STATE,
        "after": EVERY_KIND,
        "earlier": 7,
        "state": {
            "at": "2026-11-20T16:00:00Z",
            "size": 10_400,
            "parts": [
                {
                    "serial": "SHCER-0-9",
                    "quantity_g": 10,
                    "index": 7,
                    "state": "live",
                    "kind": 3,
                    "form": 2,
                    "flags": 15,
                },
                {"serial": "SHCER-10-19", "quantity_g": 10, "index": None, "state": "not_issued"},
                {
                    "serial": "SHCER-20-29",
                    "quantity_g": 10,
                    "index": 8,
                    "state": "ended",
                    "kind": 8,
                    "form": 0,
                    "flags": 0,
                },
            ],
            "not_issued": True,
            "more": True,
        },
        "next_cursor": HOSTILE,
    },
    "leaf.html": {
        "movement": movement(8),
        "document_url": HOSTILE,
        "case": HOSTILE,
        "children": EVERY_STATE,
        "next_cursor": HOSTILE,
    },
    "certificate.html": {
        "certificate": CERTIFICATE,
        "movements": EVERY_STATE,
        "next_cursor": HOSTILE,
        "origins": {"lots": [LOT | {"grams": 34_000}], "other_lots": 0, "other_g": 0},
    },
    "lot.html": {
        "lot": LOT,
        "totals": TOTALS | {"gathered_g": 50_000},
        "procedure": [DECISION],
        "movements": EVERY_KIND,
        "next_cursor": HOSTILE,
    },
    "verify.html": {},
    "how.html": {},
    "not_found.html": {"examples": [HOSTILE]},
    "problem.html": {"problem": {"status": 503, "title": "Busy", "detail": HOSTILE}},
}
EVERYWHERE: dict[str, Any] = {
    "about": ABOUT,
    "notices": [("convicted", "2026-01-02T03:04:05+08:00"), ("recovering", None), ("standin", None)],
    "query": HOSTILE,
}
