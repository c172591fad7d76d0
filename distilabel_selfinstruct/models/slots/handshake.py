"""How the two ends of a connection prove to each other that they know the secret of a run, which is never sent.

The server challenges, the client answers with a challenge of its own and its proof, the server with its proof.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Literal


def new_secret() -> str:
    """A secret, or a challenge: 64 hexadecimal digits that nobody can guess."""
    return secrets.token_hex(32)


@dataclass(frozen=True, slots=True)
class Handshake:
    """The challenges of one connection, and what is known besides: the secret.

    Attributes:
        secret: of the run.
        of_server: the challenge that the server has sent.
        of_client: the one that the client has sent.
    """

    secret: str
    of_server: str
    of_client: str

    def proof(self, end: Literal["client", "server"]) -> str:
        """What this end has to say; the other end's proof says nothing that could be sent back instead."""
        said = f"{end} {self.of_server} {self.of_client}"
        return hmac.new(self.secret.encode(), said.encode(errors="replace"), "sha256").hexdigest()

    def is_proof(self, end: Literal["client", "server"], given: object) -> bool:
        """Whether that is what this end has to say."""
        return hmac.compare_digest(str(given).encode(errors="replace"), self.proof(end).encode())
