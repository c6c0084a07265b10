"""cryptofeed's L2 book, as its users have it, up to an update id. Runs in its own environment; TLS only."""

import asyncio
import json
import ssl
import sys
from typing import Any

from cryptofeed import FeedHandler
from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
from cryptofeed.defines import L2_BOOK
from cryptofeed.exchanges import Binance

AT = json.loads(sys.argv[1])
TRUST = ssl.create_default_context(cafile=AT["certificate"])


class Venue(Binance):
    """The exchange with the venue's addresses."""

    websocket_endpoints = [WebsocketEndpoint(AT["wss"], options={"ssl": TRUST})]  # noqa: RUF012
    rest_endpoints = [  # noqa: RUF012
        RestEndpoint(
            AT["http"],
            routes=Routes(
                "/api/v3/exchangeInfo",
                l2book="/api/v3/depth?symbol={}&limit={}",
                authentication="/api/v3/userDataStream",
            ),
        )
    ]


async def follow() -> dict[str, Any]:
    """The book behind that update id."""
    done = asyncio.get_running_loop().create_future()

    async def on_book(book: Any, _receipt_s: float) -> None:
        if book.sequence_number >= AT["update_id"] and not done.done():
            sides = {
                name: [[str(price), str(quantity)] for price, quantity in side.to_dict().items()]
                for name, side in (("bids", book.book.bids), ("asks", book.book.asks))
            }
            done.set_result(sides | {"update_id": book.sequence_number})

    handler = FeedHandler(config={"uvloop": False, "log": {"disabled": True}})
    handler.add_feed(Venue(symbols=[f"{AT['base']}-{AT['quote']}"], channels=[L2_BOOK], callbacks={L2_BOOK: on_book}))
    handler.run(start_loop=False, install_signal_handlers=False)
    return await done


async def main() -> None:
    """Print the book, and end whatever the handler still does."""
    print(json.dumps(await follow()), flush=True)  # noqa: T201


asyncio.run(main())
