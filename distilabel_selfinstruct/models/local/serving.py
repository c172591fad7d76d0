"""The process in which llama.cpp answers: `python -m distilabel_selfinstruct.models.local.serving`.

It reads what to load from its standard input, prints the address at which it answers, and ends when that input ends: so
it is gone with the process that started it, however that one ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys


def main() -> None:
    """Serves one model until the standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the run's, which waits for open requests
    given = json.loads(sys.stdin.readline())
    os.environ.pop("LLAMA_API_KEY", None)  # that of another server

    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = given["path"]
    params.model_alias = {given["name"]}
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [given["key"]]
    params.n_parallel = given["slots"]
    params.n_ctx = given["context"] * given["slots"]
    if given["threads"]:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = given["threads"]
    # llama.cpp's way out of loops: what goes on as the text has gone before, for so many tokens, becomes unlikely.
    params.sampling.dry_multiplier, params.sampling.dry_allowed_length = 0.8, 64
    params.sampling.dry_penalty_last_n = 1024
    params.swa_full = True  # a model with a sliding window forgets the beginning of its last prompt otherwise
    if given["embeds"]:
        params.embedding, params.pooling_type = True, xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        params.n_batch = params.n_ubatch = given["context"]
    params.verbosity, params.ui = -1, False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    while sys.stdin.read(4096):
        pass
    os._exit(0)  # without waiting for answers that nobody reads


if __name__ == "__main__":
    main()
