"""Where a Ray cluster is: its address, its nodes, and whether anybody answers there."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from distilabel_selfinstruct.errors import ConfigError

_ANSWER = 3.0  # seconds that a node may take to answer
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))  # what a client of gRPC says first

Resources = dict[str, float]  # amounts by Ray's names: CPU, GPU, memory, or a user's own
Key = tuple[str, int]  # names a worker: its step and its replica


@dataclass(frozen=True)
class Node:
    """A machine of the cluster."""

    address: str
    resources: Resources
    id: str = ""  # Ray's


def check_address(address: str) -> None:
    """Looks whether a cluster may be at the address: Ray itself would try for a minute.

    Raises:
        ConfigError: if there is none.
    """
    if address in ("local", "auto"):
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise ConfigError(
            f"{address!r} is no address of a Ray cluster: expected HOST:PORT of its head, as"
            " `ray start --head` prints it, or auto, on a machine of the cluster."
        )
    if ":" in host:
        raise ConfigError(f"{address!r} is an IPv6 address. Give the IPv4 address of the cluster's head, as HOST:PORT.")
    try:
        call(host, int(port))
    except (OSError, UnicodeError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"There is no Ray cluster at {address} ({why}).") from None
    _check_tls(address, _speaks_tls(host, int(port)), os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"))


def _check_tls(address: str, there: bool, here: bool) -> None:
    if there and not here:
        raise ConfigError(
            f"The Ray cluster at {address} speaks TLS. Set RAY_USE_TLS=1, RAY_TLS_SERVER_CERT, RAY_TLS_SERVER_KEY and"
            " RAY_TLS_CA_CERT here as for `ray start`."
        )
    if here and not there:
        raise ConfigError(f"The Ray cluster at {address} does not speak TLS: unset RAY_USE_TLS.")


def _speaks_tls(host: str, port: int) -> bool:
    """Whether a server does, whatever its certificate: that is for Ray to judge."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with socket.create_connection((host, port), timeout=_ANSWER) as connection:
            context.wrap_socket(connection).close()
    except OSError:
        return False
    return True


def living(listed: list[dict[str, Any]]) -> list[Node]:
    """The nodes that answer: Ray notices the death of one only after a minute."""

    def is_alive(node: dict[str, Any]) -> bool:
        return bool(node["Alive"]) and answers(node["NodeManagerAddress"], node["NodeManagerPort"])

    with ThreadPoolExecutor(32) as pool:
        alive = list(pool.map(is_alive, listed))
    return [
        Node(node["NodeManagerAddress"], node["Resources"], node["NodeID"])
        for node, lives in zip(listed, alive)
        if lives
    ]


def answers(host: str, port: int) -> bool:
    """Whether a server of Ray answers."""
    try:
        call(host, port)
    except OSError:
        return False
    return True


def call(host: str, port: int) -> None:
    """Waits until a server of Ray answers; one that hangs still accepts connections, but says nothing.

    Raises:
        OSError: if none does.
    """
    with socket.create_connection((host, port), timeout=_ANSWER) as connection:
        connection.sendall(_PREFACE)
        with contextlib.suppress(ConnectionResetError):  # by one that expects TLS
            if connection.recv(6) == b"HTTP/1":
                raise OSError("a web server is there, such as that of Ray's dashboard")
