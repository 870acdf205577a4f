"""What lines of a notebook that only IPython understands need, where IPython is installed."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

from whydiff.core.temporary import OF_FOLDER


def ipython_begins(module: types.ModuleType) -> bool:
    """Let ``get_ipython()`` act on the namespace of ``module``; whether IPython is there.

    It keeps no history; of a run of ours its profile lies in our folder.
    """
    try:
        from IPython.core.error import UsageError
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config
    except ImportError:
        return False

    class Shell(InteractiveShell):
        """Without a person in front of it, and without the kernel that some magics speak to."""

        def enable_gui(self, gui: Any = None) -> None:
            pass

        def run_line_magic(self, name: str, line: str, _stack_depth: int = 1) -> Any:
            try:
                return super().run_line_magic(name, line, _stack_depth + 1)
            except (UsageError, ImportError) as error:
                # A magic of Jupyter's own, such as %connect_info; a look of pictures.
                if isinstance(error, ImportError) and name != "matplotlib":
                    raise
                print(f"%{name}: {error}", file=sys.stderr)
                return None

    config = Config()
    config.HistoryManager.enabled = False
    if OF_FOLDER in os.environ:
        config.InteractiveShell.ipython_dir = str(Path(os.environ[OF_FOLDER]) / "ipython")
    Shell.instance(config=config, user_module=module, user_ns=module.__dict__)
    return True
