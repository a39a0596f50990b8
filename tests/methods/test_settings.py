"""The names of the methods, for a configuration that starts in no time."""

import subprocess
import sys


def test_names_of_methods_need_no_heavy_library() -> None:
    code = (
        "import sys, lass.methods.settings;"
        "found = {'torch', 'numpy', 'scipy', 'sklearn', 'librosa'} & set(sys.modules);"
        "sys.exit(str(sorted(found)) if found else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
