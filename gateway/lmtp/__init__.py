"""The LMTP listener: real Postfix in front, one durable answer per recipient behind. Start reading at `server`."""

from gateway.lmtp.house import House, Router, Taker
from gateway.lmtp.listen import open_sockets
from gateway.lmtp.server import LmtpServer

__all__ = ["House", "LmtpServer", "Router", "Taker", "open_sockets"]
