"""What those who use the bus see of nats-py: its message, and its error for what is not there."""

from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

__all__ = ["Msg", "NotFoundError"]
