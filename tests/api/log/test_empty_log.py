"""An installation before its first act: what it publishes, and what it says to who asks for its state."""

import json
import threading

from api.installation.services import running
from api.installation.settings import Settings
from api.serving.serve import listen, run
from tests.support.rest import authority, http, is_problem
from tests.support.running import Live, served


def test_a_new_installation_is_audited_as_empty_and_has_no_state_to_record(tmp_path, gram):
    settings = Settings(data=tmp_path / "data", origin="log.test/empty", workers=1)
    answered, stop = [], threading.Event()

    def ready(url: str) -> None:
        answered.append(http.get(f"{url}/log/checkpoint").status_code)
        stop.set()

    with running(settings, lambda _sentence: None, create=True) as site, served(site) as url:
        with listen("127.0.0.1", 0) as listener:
            run(site, listener, ready, stop)
        assert answered == [200], "whoever is answered at all is given the log"
        assert http.get(f"{url}/log/checkpoint").text.startswith(
            "log.test/empty\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
        )
        assert (site.anchorer.anchor(), site.client.head().size) == (None, 0)
        vkey = site.log_signer.verifier.vkey
        code, out, _ = gram("audit", "--log", f"{url}/log", "--vkey", vkey, "--processes", "1")
        assert (code, "The log is empty, and holds." in out) == (0, True)
        centre = authority(Live(site, url, None), "centre")
        nothing = centre.get("/v1/state?first_g=0&end_g=1")
        assert is_problem(nothing, 404, "not-yet-logged")
        assert "recorded each day at 00:00 in Shanghai, and whenever the centre asks" in nothing.json()["detail"]
        asked = centre.post("/v1/state", {})
        assert is_problem(asked, 409, "nothing-to-record")
        assert not (site.folder.state / "wanted").exists()
        assert http.get(url).status_code == 200
    code, out, _ = gram("log", "status", "--data", tmp_path / "data", "--json")
    assert (code, json.loads(out)["size"]) == (0, 0)
