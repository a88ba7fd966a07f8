#!/usr/bin/env python3
"""Misuse that must not compile: each numbered case of tests/compile_fail/*.cc, and for the reason it names.

A file compiles as it stands (CASE 0: the right use). A line `// CASE 3: use of deleted function` promises that
-DCASE=3 fails with an error that matches the expression.
"""
import concurrent.futures
import re
import shlex
import subprocess

import common

PROMISE = re.compile(r"^// CASE (\d+): (.+)$", re.MULTILINE)


def compile_case(root, path, case, options):
    command = [options.compiler, "-std=c++20", *shlex.split(options.flags), "-fsyntax-only", "-I", str(root),
               f"-DCASE={case}", str(path)]
    return subprocess.run(command, capture_output=True, text=True, env=common.PLAIN)


def judge(root, path, case, reason, options):
    result = compile_case(root, path, case, options)
    where = f"{path.relative_to(root)}, case {case}"
    if case == 0:
        return None if result.returncode == 0 else f"{where}: the right use does not compile:\n{result.stderr}"
    if result.returncode == 0:
        return f"{where}: compiles, and should not"
    errors = "\n".join(line for line in result.stderr.splitlines() if "error:" in line)
    return None if re.search(reason, errors) else f"{where}: fails for another reason than \"{reason}\":\n{errors}"


def check(root, options):
    cases = []
    for path in common.sources(root, {".cc"}, ("tests/compile_fail",)):
        promises = PROMISE.findall(path.read_text())
        if not promises:
            return [f"{path.relative_to(root)}: promises no case"]
        cases += [(path, 0, "")] + [(path, int(case), reason.strip()) for case, reason in promises]
    print(f"{len(cases)} compilations")
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        return [found for found in pool.map(lambda item: judge(root, *item, options), cases) if found]


def self_test(folder, options):
    good = "// CASE 1: cannot convert\nint x =\n#if CASE == 1\n\"text\"\n#else\n1\n#endif\n;\n"
    name = "tests/compile_fail/a.cc"
    for text, wanted, what in (
            (good.replace("cannot convert", "invalid conversion"), 0, "a kept promise was refused"),
            (good, 1, "an error of another kind was not caught"),
            ("// CASE 1: anything\nint x = 1;\n", 1, "misuse that compiles was not caught"),
            ("// CASE 1: .*\nint x = \"text\";\n", 1, "a right use that does not compile was not caught"),
            ("int x = 1;\n", 1, "a file without a promise was not caught")):
        common.plant(folder, {name: text})
        found = check(folder, options)
        common.expect(len(found) == wanted, f"{what}: {found}")


def add_options(parser):
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--flags", default="")
    parser.add_argument("--jobs", type=int, default=2)


if __name__ == "__main__":
    common.main(check, self_test, add_options)
