"""Canonical names: what a layer or variable is called no matter how many models came before."""

from __future__ import annotations

from typing import Any

from whydiff.keras_backend.internals import (
    automatic_name,
    is_keras_2,
    optimizer_variables,
    own_generators,
    own_variables,
    sublayers,
    variable_name,
    variable_path,
)
from whydiff.keras_backend.subject import models_of


class Names:
    """Canonical paths of the layers and variables of one model."""

    def __init__(self, model: Any) -> None:
        self.layers: dict[str, Any] = {}
        self._of_layer: dict[int, str] = {}
        self._of_variable: dict[int, str] = {}
        self._taken: dict[str, int] = {}
        models = models_of(model)
        stems = [automatic_name(m) or m.name for m in models]
        for number, (one, stem) in enumerate(zip(models, stems, strict=True)):
            same = stems[:number].count(stem)
            self._visit(one, "" if len(models) == 1 else f"{stem}_{same}" if same else stem)

    def _visit(self, layer: Any, path: str) -> None:
        if id(layer) in self._of_layer:
            return
        self._of_layer[id(layer)] = path
        self.layers[path] = layer
        for variable in own_variables(layer):
            stem = variable_name(variable)
            name = f"{path}/{stem}" if path else stem
            self._of_variable.setdefault(id(variable), self._unique(name))
        for number, generator in enumerate(own_generators(layer)):
            name = f"{path}/seed_generator" if path else "seed_generator"
            name += f"_{number}" if number else ""
            self._of_variable.setdefault(id(generator.state), self._unique(name))
        children: dict[str, int] = {}
        for child in sublayers(layer):
            if id(child) in self._of_layer:
                continue
            stem = automatic_name(child) or child.name
            seen = children.get(stem, 0)
            children[stem] = seen + 1
            name = f"{stem}_{seen}" if seen else stem
            self._visit(child, f"{path}/{name}" if path else name)

    def _unique(self, name: str) -> str:
        count = self._taken.get(name, 0)
        self._taken[name] = count + 1
        return f"{name}#{count + 1}" if count else name

    def layer(self, layer: Any) -> str:
        return self._of_layer.get(id(layer), str(layer.name))

    def variable(self, variable: Any) -> str:
        return self._of_variable.get(id(variable)) or variable_path(variable)

    def optimizer_variables(self, model: Any, optimizer: Any) -> list[str]:
        """Canonical names of ``optimizer.variables``, in their order.

        Keras names a slot after the path of its weight (``sequential_dense_kernel_momentum``);
        here it is called after the canonical path (``dense/kernel:momentum``).
        """
        stems = sorted(
            (
                (variable_path(v).replace("/", "_"), self.variable(v))
                for v in model.trainable_variables
            ),
            key=lambda pair: -len(pair[0]),
        )
        names: list[str] = []
        seen: dict[str, int] = {}
        for variable in optimizer_variables(optimizer):
            name = variable_path(variable) if is_keras_2(optimizer) else str(variable.name)
            flat = name.replace("/", "_")
            for stem, path in stems:
                if stem in flat:
                    before, _, after = flat.partition(stem)
                    name = f"{path}:{(before + after).strip('_') or 'slot'}"
                    break
            seen[name] = seen.get(name, 0) + 1
            names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
        return names
