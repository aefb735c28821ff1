"""What the supervisor of `gram serve` does beside the answers, for an installation of a test's own process."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from api.serving import batches
from api.webhooks.courier import Courier, Sender
from registry.clock import system_clock
from registry.events.outbox import number_events
from tests.support.running import Live

EACH_S = 0.1


@contextmanager
def attended(live: Live) -> Iterator[None]:
    """Work on batches, number events, send them and publish, again and again. What goes wrong is raised at the end."""
    over = threading.Event()
    courier = Courier(live.site, system_clock, over, Sender(system_clock, in_development=True))

    def attend() -> None:
        while not over.wait(EACH_S):
            batches.do_all(live.site)
            with live.site.database.transaction() as tx:
                number_events(tx)
            courier.round()
            live.publish()

    with ThreadPoolExecutor(1) as pool:
        attending = pool.submit(attend)
        try:
            yield
        finally:
            over.set()
    courier.close()
    attending.result()
