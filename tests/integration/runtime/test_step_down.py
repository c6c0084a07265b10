"""The errors of a log that cannot have another leader, and of settings that no server takes."""

import asyncio

import pytest
from tests.integration.runtime.group import running
from tests.integration.runtime.server import GROUP, Server

from mm_bus.step_down import step_down
from mm_core.types import InputError
from mm_service.config import load_config
from mm_session.hand_over import stepped_down


def test_a_log_at_one_server_has_nobody_to_hand_over_to(server: Server) -> None:
    async def run() -> None:
        async with running(server.url) as group:
            await group.sequencer()
            await step_down(await group.connect(), GROUP)

    with pytest.raises(InputError, match=r"stored at one server; expected .bus. replicas = 3"):
        asyncio.run(run())


def test_without_a_url_there_is_no_server_to_connect_to() -> None:
    with pytest.raises(InputError, match=r"\[bus\] url: none"):
        stepped_down()


@pytest.mark.parametrize("value", ["bus.sync_interval=sometimes", "bus.sync_interval=2", "bus.replicas=0"])
def test_settings_that_no_server_takes_are_refused(value: str) -> None:
    with pytest.raises(InputError):
        load_config([], [value])
