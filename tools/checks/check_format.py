#!/usr/bin/env python3
"""Every C++ file is as clang-format 14 (Debian 12's) writes it. Other versions differ in details and are not asked."""
import re
import shutil
import subprocess

import common

VERSION = 14


def formatter():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        program = shutil.which(name)
        if program:
            text = subprocess.run([program, "--version"], capture_output=True, text=True, env=common.PLAIN).stdout
            if re.search(rf"version {VERSION}\.", text):
                return program
    common.skip(f"clang-format {VERSION} is not installed")


def check(root, options):
    program = formatter()
    files = [str(path) for path in common.sources(root, {".h", ".cc", ".inc"})]
    bad = {}
    for start in range(0, len(files), 50):
        result = subprocess.run([program, "--style=file", "--dry-run", *files[start:start + 50]],
                                capture_output=True, text=True, env=common.PLAIN)
        if result.returncode != 0:
            return [result.stderr.strip()]
        for found in re.finditer(r"^(\S+?):(\d+):\d+: .*clang-format-violations", result.stderr, re.MULTILINE):
            bad.setdefault(found.group(1), int(found.group(2)))
    return [f"{path}:{line}: not as clang-format writes it (clang-format -i {path})" for path, line in bad.items()]


def self_test(folder, options):
    common.plant(folder, {"quantick/core/good.h": "#pragma once\nint f(int a);\n"})
    (folder / ".clang-format").write_bytes((common.ROOT / ".clang-format").read_bytes())
    common.expect(check(folder, options) == [], "a formatted file was refused")
    common.plant(folder, {"quantick/core/bad.h": "#pragma once\nint  g( int a ) ;\n"})
    found = check(folder, options)
    common.expect(len(found) == 1 and "bad.h:2" in found[0], "an unformatted file was not caught")


if __name__ == "__main__":
    common.main(check, self_test)
