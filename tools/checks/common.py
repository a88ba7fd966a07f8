"""What the repository's checks share: walking the sources, reporting, and the self-test's temporary tree."""
import argparse
import os
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Exit status that ctest counts as a skip (SKIP_RETURN_CODE); the reason is printed after "skipped: ".
SKIPPED = 77


def sources(root, suffixes, folders=("quantick", "tests", "bench")):
    """Paths below the folders whose suffix is one of the suffixes, sorted."""
    return sorted(path for folder in folders for path in (root / folder).rglob("*")
                  if path.suffix in suffixes and "__pycache__" not in path.parts)


def plant(root, files):
    """Writes {path: text} below root."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def expect(condition, what):
    if not condition:
        raise SystemExit(f"self-test: {what}")


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


# Compilers word their messages by the locale; the checks read the plain ones.
PLAIN = dict(os.environ, LC_ALL="C")


def main(check, self_test, add_options=lambda parser: None):
    """Runs check(root, options), which returns a list of complaints, or self_test(folder, options)."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    parser.add_argument("--self-test", action="store_true", help="plant violations and see them caught")
    add_options(parser)
    options = parser.parse_args()
    if options.self_test:
        with tempfile.TemporaryDirectory(prefix="quantick-check-") as folder:
            self_test(pathlib.Path(folder), options)
        print("self-test: planted violations were caught")
        return
    complaints = check(options.root.resolve(), options)
    for complaint in complaints:
        print(complaint)
    print(f"{len(complaints)} complaints")
    sys.exit(1 if complaints else 0)
