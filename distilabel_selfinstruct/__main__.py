"""`python -m distilabel_selfinstruct` is the command `self-instruct`."""

import sys

from distilabel_selfinstruct.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
