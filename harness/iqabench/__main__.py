"""``python -m iqabench`` is ``iqabench``."""

from iqabench.cli.main import main

main()
