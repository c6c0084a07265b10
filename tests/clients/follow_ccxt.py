"""ccxt.pro's order book, as its users have it, up to an update id. Runs in ccxt's own environment."""

import asyncio
import json
import sys
from typing import Any

import ccxt.pro


async def follow(at: dict[str, Any]) -> dict[str, Any]:
    """The book behind that update id."""
    # It forgets what is behind its limit, so it has to be above all levels that appear.
    options = {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}, "watchOrderBookLimit": 5000}
    exchange = ccxt.pro.binance({"options": options})
    exchange.has["fetchCurrencies"] = False  # or it asks for its user's coins
    for name in ("public", "private", "v1"):
        exchange.urls["api"][name] = at["http"] + "/api/v3"
    exchange.urls["api"]["ws"]["spot"] = at["ws"] + "/stream/ws"
    try:
        while True:
            book = await exchange.watch_order_book(f"{at['base']}/{at['quote']}")
            if book["nonce"] >= at["update_id"]:
                return {"bids": list(book["bids"]), "asks": list(book["asks"]), "update_id": book["nonce"]}
    finally:
        await exchange.close()


print(json.dumps(asyncio.run(follow(json.loads(sys.argv[1])))))  # noqa: T201
