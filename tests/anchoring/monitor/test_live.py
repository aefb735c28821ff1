"""The monitor follows a whole installation over HTTP: its log, its cosigners, its contract, and a person's receipts."""

import httpx2

from tests.support.monitoring import watching


def test_a_whole_installation_is_followed(live, tmp_path):
    folder = tmp_path / "receipts"
    folder.mkdir()
    live.issue({live.person(): 100})
    live.publish()
    about = httpx2.get(f"{live.url}/v1/about").json()
    settings = {
        "vkey": about["log"]["vkey"],
        "rpcs": [about["chain"]["rpc"]],
        "contract": about["chain"]["contract"],
        "chain_id": about["chain"]["id"],
        "witnesses": [{"vkey": one["cosigner_vkey"]} for one in about["signers"]],
        "receipts": folder,
    }
    receipt = httpx2.get(f"{live.url}/v1/leaves?limit=1").json()["items"][0]["receipt"]
    (folder / "mine.tlog-proof").write_bytes(httpx2.get(live.url + receipt).content)
    with watching(tmp_path / "state", about["log"]["url"], **settings) as watch:
        first = watch.round()
        assert first.alerts == ()
        assert first.size == first.judged == first.anchored
        assert {size for size, _ in first.witnesses.values()} == {first.size}
        live.issue({live.person(): 100})
        live.publish()
        second = watch.round()
        assert (second.alerts, second.receipts) == ((), 1)
        assert second.size == second.judged == second.anchored > first.size
