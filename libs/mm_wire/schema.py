"""The JSON schema of all events, for readers in other languages and as a guard against unannounced changes."""

import msgspec

from mm_core.events import AnyEvent


def schema() -> str:
    """The schema of AnyEvent as text with sorted keys: what `schema.json` beside this file holds."""
    text = msgspec.json.encode(msgspec.json.schema(AnyEvent), order="sorted")
    return msgspec.json.format(text, indent=2).decode() + "\n"
