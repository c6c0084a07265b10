"""The nodes of one instrument, made from the initial records: live, in replay and in verification it is these."""

from mm_core.accounting.node import accountant_node
from mm_core.exchange.node import exchange_node
from mm_core.node import Node
from mm_core.quoting.node import quoter_node
from mm_core.risk.node import risk_node
from mm_core.setup.parts import Parts
from mm_core.signals.node import builder_node


def new_nodes(parts: Parts, instrument_id: str) -> list[Node]:
    """The five nodes of one instrument, from the initial records."""
    limits = parts.risk["limits"][0]
    return [
        exchange_node(instrument_id, parts.venue, parts.builder["book"]),
        builder_node(instrument_id, parts.builder, decide_on_touch=parts.on_touch),
        quoter_node(instrument_id, parts.quoter, parts.strategy),
        risk_node(instrument_id, parts.risk),
        accountant_node(instrument_id, parts.account, int(limits["value_num"]), int(limits["value_den"])),
    ]
