"""``moonthread demo``: the service against the local stand-ins, and a page to talk to it.

::

    await run(port=8765, open_browser=True)  # until SIGINT or SIGTERM

    async with opened(port=0) as url:  # for tests
        ...
"""

from bots.simulator.demo.running import opened, run

__all__ = ["opened", "run"]
