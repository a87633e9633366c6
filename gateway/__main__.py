"""`python -m gateway` is `poterne`."""

from gateway.cli import main

main()
