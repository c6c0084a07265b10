"""The nodes of one instrument, made from the initial records: live, in replay and in verification it is these."""

from functools import partial

import msgspec

from mm_core.accounting.node import accountant_node
from mm_core.exchange.node import exchange_node
from mm_core.node import Node, Settings, only_of
from mm_core.quoting.node import quoter_node
from mm_core.risk.node import risk_node
from mm_core.setup.core import Core
from mm_core.setup.filters import filters_on
from mm_core.setup.settings import QUOTER, RISK
from mm_core.signals.node import builder_node
from mm_core.types import InputError


def new_nodes(parts: Core, instrument_id: str) -> list[Node]:
    """The five nodes of one instrument, from the initial records."""
    limits = parts.risk["limits"][0]
    filters = partial(filters_on, parts.units)
    nodes = [
        exchange_node(instrument_id, parts.venue, parts.builder["book"], filters, uses_top=parts.uses_top),
        builder_node(instrument_id, parts.builder, parts.decide_on),
        quoter_node(
            instrument_id, parts.quoter, parts.strategy, _settings(parts, QUOTER), filters, parts.risk["filters"]
        ),
        risk_node(instrument_id, parts.risk, _settings(parts, RISK), filters),
        accountant_node(instrument_id, parts.account, int(limits["value_num"]), int(limits["value_den"])),
    ]
    return [msgspec.structs.replace(node, step=only_of(instrument_id, node.step)) for node in nodes]


def _settings(parts: Core, node: str) -> Settings:
    """What a SET changes in one node. A SET that is not acceptable changes nothing: who sends it checks it before."""

    def setting(key: str, value: str) -> tuple[str, int | float] | None:
        try:
            found = parts.settings(key, value)
        except InputError:
            return None
        return (found.path, found.value) if found.node == node else None

    return setting
