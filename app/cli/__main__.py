"""`python -m app.cli` is `rigline`."""

from app.cli import main

main(prog_name="rigline")
