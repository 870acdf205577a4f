"""``whydiff completion``: what a shell needs to complete verbs and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(name="completion", short_help="Print what a shell needs to complete commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script for the shell; it completes verbs, options and files.

    \b
    bash   whydiff completion bash >> ~/.bashrc
    zsh    whydiff completion zsh >> ~/.zshrc
    fish   whydiff completion fish > ~/.config/fish/completions/whydiff.fish
    """
    made = get_completion_class(shell)
    assert made is not None  # click has all three
    root = ctx.find_root().command
    click.echo(made(root, {}, "whydiff", "_WHYDIFF_COMPLETE").source())
