"""What two runs with a fix show: whether it did what it was for, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from whydiff.core.findings import DIFFERS, Finding
from whydiff.core.words import listed

_STILL = "still different: "


def helped(
    after: Sequence[Sequence[Finding]], targets: Sequence[str], before: Sequence[Finding]
) -> tuple[bool, str]:
    """Whether the sources a fix repairs agree now, and a sentence on what is left.

    ``after`` are the findings of every pair that was compared with the fix. What is left may only
    be what the script asks for, or what differed before and was not to be repaired.
    """
    left = {f.source: f for findings in after for f in findings if f.status == DIFFERS}
    still = [source for source in targets if source in left]
    if still:
        return False, f"{_STILL}{listed(sorted(still))}"
    known = {f.source for f in before if f.status == DIFFERS}
    # Bits that differ although every field agrees were not repaired by agreeing fields.
    if not left or set(left) == {"arithmetic"}:
        return False, "the sources it repairs agree, yet the trainings still part"
    new = sorted(set(left) - known)
    if new and set(targets) != {"state"}:
        return False, f"it makes them differ in {listed(new)}"
    asked = sorted(s for s, f in left.items() if f.intended)
    others = sorted(s for s, f in left.items() if not f.intended)
    agree = f"Tried twice: {listed(list(targets))} now {'agree' if len(targets) > 1 else 'agrees'}"
    rest = [f"{listed(asked)} {_differ(asked)}, as the script asks"] if asked else []
    rest += [f"{listed(others)} {_differ(others)} as before"] if others and not new else []
    rest += [f"{listed(others)} {_differ(others)}"] if others and new else []
    return True, f"{agree} bit for bit; {'; '.join(rest)}."


def unrepaired(
    findings: Sequence[Finding],
    causes: Sequence[str],
    targets: Sequence[str],
    share: Callable[[str], float],
) -> list[str]:
    """The remedy of a cause that a fix leaves and that weighs more than all it repairs."""
    repaired = max((share(source) for source in targets), default=0.0)
    larger = [
        f
        for f in findings
        if f.source in causes
        and f.source not in targets
        and f.status == DIFFERS
        and not f.intended
        and f.remedy
        and share(f.source) > repaired
    ]
    return [
        f"First of all ({f.source}, {share(f.source):.0%}), which the patch does not repair: "
        f"{f.remedy.rstrip('.')}."
        for f in sorted(larger, key=lambda f: -share(f.source))
    ]


def not_found(failed: Sequence[str]) -> str:
    """A sentence on fixes that were tried in vain."""
    changes = "One change was" if len(failed) == 1 else f"{len(failed)} changes were"
    still = [reason.removeprefix(_STILL) for reason in failed if reason.startswith(_STILL)]
    others = [reason for reason in failed if not reason.startswith(_STILL)]
    # Of several changes the one that left least says enough.
    least = [_STILL + min(still, key=len)] if still else []
    reasons = listed(list(dict.fromkeys([*least, *others])))
    return f"{changes} tried and did not make them agree ({reasons})."


def _differ(sources: Sequence[str]) -> str:
    return "differs" if len(sources) == 1 else "differ"
