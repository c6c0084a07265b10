"""python-binance's depth cache, as its users have it, up to an update id. Runs in its own environment."""

import asyncio
import json
import sys
from typing import Any

from binance import AsyncClient, BinanceSocketManager, DepthCacheManager

AT = json.loads(sys.argv[1])


class Client(AsyncClient):
    """The client with the venue's addresses: its start asks REST already."""

    API_URL = AT["http"] + "/api"


class Sockets(BinanceSocketManager):
    """The sockets with the venue's address."""

    STREAM_URL = AT["ws"] + "/"


async def follow() -> dict[str, Any]:
    """The book behind that update id."""
    client = await Client.create()
    try:
        manager = DepthCacheManager(client, AT["symbol"], bm=Sockets(client), limit=1000, ws_interval=100)
        async with manager:
            while True:
                book = await manager.recv()
                if isinstance(book, dict):
                    sys.exit(f"python-binance says {book}")
                if manager._last_update_id >= AT["update_id"]:
                    sides = {"bids": book.get_bids(), "asks": book.get_asks()}
                    return sides | {"update_id": manager._last_update_id}
    finally:
        await client.close_connection()


print(json.dumps(asyncio.run(follow())))  # noqa: T201
