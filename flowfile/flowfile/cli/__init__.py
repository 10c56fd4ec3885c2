"""The command line: `flowfile run`, `serve`, `validate`, `export`, `nodes`, `schema`, `rows`, `version`."""


def main() -> int:
    """Run the command that this process was started with; gives its exit code."""
    from flowfile.cli.interrupts import Interrupts

    interrupts = Interrupts()
    interrupts.install()
    from flowfile.cli.start import Start

    with Start(interrupts) as start:
        return start.run_command()
