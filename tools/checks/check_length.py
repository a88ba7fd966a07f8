#!/usr/bin/env python3
"""No source file is over 1,000 lines; those over 600 are named, since they want a reason."""
import common

DEFECT, WANTS_A_REASON = 1000, 600
SUFFIXES = {".h", ".cc", ".inc", ".py", ".sh", ".cmake", ".js", ".css", ".html", ".md", ".yaml"}


def lengths(root):
    return {path.relative_to(root): len(path.read_text(errors="replace").splitlines())
            for path in common.sources(root, SUFFIXES, ("quantick", "tests", "tools", "cmake", "examples", "docs"))}


def check(root, options):
    found = lengths(root)
    for path, lines in found.items():
        if WANTS_A_REASON < lines <= DEFECT and not options.self_test:
            print(f"note: {path}: {lines} lines")
    return [f"{path}: {lines} lines, at most {DEFECT}" for path, lines in found.items() if lines > DEFECT]


def self_test(folder, options):
    common.plant(folder, {"quantick/core/fits.cc": "\n" * DEFECT, "tools/short.py": "pass\n"})
    common.expect(check(folder, options) == [], "1,000 lines were refused")
    for name in ("quantick/core/long.cc", "tests/python/long_test.py"):
        common.plant(folder, {name: "\n" * (DEFECT + 1)})
        common.expect(len(check(folder, options)) == 1, f"{name}: 1,001 lines were not caught")
        (folder / name).unlink()


if __name__ == "__main__":
    common.main(check, self_test)
