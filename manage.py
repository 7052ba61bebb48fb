#!/usr/bin/env python3
"""Runs Dragoman's commands, with an embedded PostgreSQL when no other database is named."""

import sys

from config.commandline import main

if __name__ == "__main__":
    main(sys.argv)
