"""`python -m bertkit` is `bertkit`."""

from bertkit.cli.app import main

main()
