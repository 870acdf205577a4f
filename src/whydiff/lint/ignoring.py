"""``# whydiff: ignore[WD101]`` on a line: which rules it silences there."""

from __future__ import annotations

import io
import re
import tokenize

_COMMENT = re.compile(r"#\s*whydiff:\s*ignore(?:\[([^\]]*)\])?", re.IGNORECASE)


def ignored(text: str) -> dict[int, tuple[str, ...]]:
    """Line -> ids or names of rules ("*" for all of them), from its comments, never from strings.

    On the last line of a statement that spans several the comment counts for its first line.
    """
    found: dict[int, tuple[str, ...]] = {}
    first: int | None = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            match = _COMMENT.search(token.string)
            if match:
                words = tuple(w.strip() for w in (match[1] or "*").split(",") if w.strip())
                for line in {token.start[0], first or token.start[0]}:
                    found[line] = (*found.get(line, ()), *words)
        elif token.type == tokenize.NEWLINE:
            first = None
        elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT) and first is None:
            first = token.start[0]
    return found
