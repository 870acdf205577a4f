"""Which programs decompose matrices: XLA must not do that for many replicas at a time.

On the CPU a decomposition is a call of LAPACK. Mapped over replicas it hands the matrices to
XLA's threads and waits for them *in* one of those threads; as many such calls at a time as there
are threads, and all of them wait for ever (``ParallelBatchMap`` in jaxlib's ``lapack_kernels``).
One matrix at a time needs no thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_DECOMPOSING = {
    *("cholesky", "eig", "eigh", "geqp3", "geqrf", "hessenberg", "householder_product", "lu"),
    *("ormqr", "qr", "schur", "svd", "triangular_solve", "tridiagonal", "tridiagonal_solve"),
}


def decomposition(jaxpr: Any) -> str:
    """The name of a decomposition that a traced function computes, "" if it computes none."""
    return next((name for name in _primitives(jaxpr) if name in _DECOMPOSING), "")


def _primitives(jaxpr: Any) -> Iterator[str]:
    for equation in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        yield equation.primitive.name
        for value in equation.params.values():
            for inner in value if isinstance(value, list | tuple) else [value]:
                if hasattr(inner, "eqns") or hasattr(getattr(inner, "jaxpr", None), "eqns"):
                    yield from _primitives(inner)
