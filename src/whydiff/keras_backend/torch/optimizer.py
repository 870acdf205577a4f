"""An optimizer of torch's own, with variables that look like those of a Keras optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class TorchOptimizer:
    """Wraps a ``torch.optim.Optimizer`` that trains Keras variables; never changes it."""

    def __init__(self, optimizer: Any, variables: list[Any]) -> None:
        self.wrapped = optimizer
        self._of = {id(v.value): v for v in variables}
        self._entries: dict[tuple[int, str], Entry] = {}

    def facts(self) -> dict[str, Any]:
        """Class and settings; those of further parameter groups under their number."""
        found: dict[str, Any] = {"class": type(self.wrapped).__name__}
        for number, group in enumerate(self.wrapped.param_groups):
            for key, value in group.items():
                if key != "params" and not hasattr(value, "shape"):
                    name = {"lr": "learning_rate"}.get(key, key)
                    plain = list(value) if isinstance(value, tuple) else value
                    found[f"group {number}.{name}" if number else name] = plain
        return found

    @property
    def variables(self) -> list[Entry]:
        """What it keeps per weight, as far as it has made it: torch does so at the first step."""
        parameters = [p for group in self.wrapped.param_groups for p in group["params"]]
        return [
            self._entry(parameter, key)
            for parameter in parameters
            for key, value in sorted(self.wrapped.state.get(parameter, {}).items())
            if hasattr(value, "shape")
        ]

    def _entry(self, parameter: Any, key: str) -> Entry:
        place = (id(parameter), key)
        if place not in self._entries:
            variable = self._of.get(id(parameter))
            stem = variable.path.replace("/", "_") if variable is not None else "parameter"
            self._entries[place] = Entry(self.wrapped, parameter, key, f"{stem}_{key}")
        return self._entries[place]


def after_steps(told: Callable[[Any, frozenset[int]], None]) -> Callable[[], None]:
    """Call ``told`` with every optimizer of torch that made a step, and the ids of the tensors that
    it trains; gives what ends that. Whatever torch does it does as before."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    def stepped(optimizer: Any, args: Any, kwargs: Any) -> None:
        told(optimizer, frozenset(id(p) for g in optimizer.param_groups for p in g["params"]))

    handle = register_optimizer_step_post_hook(stepped)
    return lambda: handle.remove()


class Entry:
    """One tensor that the optimizer keeps for one parameter."""

    def __init__(self, optimizer: Any, parameter: Any, key: str, name: str) -> None:
        self._optimizer, self._parameter, self._key, self.name = optimizer, parameter, key, name
        self.path = name

    @property
    def value(self) -> Any:
        return self._optimizer.state[self._parameter][self._key]

    def absent(self) -> np.ndarray:
        """What stands for it before the optimizer has made it."""
        return np.zeros_like(self.value.detach().cpu().numpy())

    def assign(self, value: np.ndarray) -> None:
        import torch

        with torch.no_grad():
            self.value.copy_(torch.from_numpy(np.array(value)))
