import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]

WITHOUT_DJANGO = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"django", "rest_framework", "celery"}:
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Refuse())
from observability.promql import Engine, MemoryStorage
print(Engine().query("1 + 1", at_ms=0, storage=MemoryStorage()).value.value)
"""


def test_the_language_works_where_django_is_not_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_DJANGO],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout == "2.0\n"
