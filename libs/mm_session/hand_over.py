"""`step_down` as a command: at the bus that the configuration names."""

import asyncio

from mm_bus.bus import connected
from mm_bus.login import login_of
from mm_bus.step_down import step_down
from mm_core.types import InputError
from mm_service.config import load_config
from mm_wire.subjects import OPERATOR


def stepped_down(group: str = "") -> tuple[str, str, float]:
    """`step_down` at the bus that the configuration names, of its group if none is given. InputError without a url."""
    settings = load_config(None).bus
    if not settings.url:
        raise InputError(
            "[bus] url: none; expected that of the servers, such as MM_BUS__URL=nats://a:4222,nats://b:4222"
        )

    async def run() -> tuple[str, str, float]:
        async with connected(settings.url, "crypto-mm", login_of(settings, OPERATOR)) as bus:
            return await step_down(bus, group or settings.group)

    return asyncio.run(run())
