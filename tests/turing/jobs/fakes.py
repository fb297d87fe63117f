"""Small fake work in the processes that a worker starts."""

from pathlib import Path

# Loaded by every Python that has this folder on its path: what `curate` does is then a file's to say.
FAKES = """
import os
from pathlib import Path

if script := os.environ.get("FAKE_WORK"):
    import importlib.abc, importlib.machinery, sys

    class Loader(importlib.machinery.SourceFileLoader):
        def exec_module(self, module):
            super().exec_module(module)
            exec(compile(Path(script).read_text(), script, "exec"), module.__dict__)

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name != "turing.jobs.work":
                return None
            found = importlib.machinery.PathFinder.find_spec(name, path)
            found.loader = Loader(name, found.origin)
            return found

    sys.meta_path.insert(0, Finder())
"""


def fake_work(folder: Path, body: str) -> dict[str, str]:
    """The environment in which curation is the given body of a function of `job` and `commands`."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(FAKES)
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    script = folder / "work.py"
    script.write_text(f"def fake(job, commands):\n{lines}\nWORK['curate'] = fake\n")
    return {"FAKE_WORK": str(script), "PYTHONPATH": str(folder)}


# Counts for ever, and says which process does so.
ENDLESS = """
import itertools, os, time, console
print(os.getpid(), file=commands.said)
for _ in console.progress(itertools.count(), "Counting", 1000):
    time.sleep(0.05)
"""
