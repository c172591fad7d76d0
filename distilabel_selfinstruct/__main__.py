"""`python -m distilabel_selfinstruct` is the command `self-instruct`."""

import sys

from distilabel_selfinstruct.cli import self_instruct

if __name__ == "__main__":
    sys.exit(self_instruct())
