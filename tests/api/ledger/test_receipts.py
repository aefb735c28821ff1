"""Receipts over HTTP when the folder of the log has been written anew."""

import shutil

from anchoring.verify import Outcome, verify_receipt
from tests.support.rest import Caller


def test_a_receipt_after_a_rebuild_is_still_of_the_anchored_size(live):
    """The anchored size's own partial tiles are gone then; the last published tree's make the same path."""
    person = live.person()
    caller = Caller(live.url, live.token("holder", person), person)
    live.issue({person: 100})
    live.publish()
    receipt = caller.get("/v1/leaves?limit=1").json()["items"][0]["receipt"]
    before = caller.get(receipt).content
    live.issue({live.person(): 100 for _ in range(3)})
    live.site.publisher.publish()
    shutil.rmtree(live.site.folder.log / "tile")
    live.site.reader.tile.cache_clear()
    live.site.publisher.rebuild()
    after = caller.get(receipt)
    assert after.status_code == 200
    assert after.content == before
    assert verify_receipt(after.content, live.site.log_signer.verifier.vkey).outcome is Outcome.HOLDS
