#!/usr/bin/env python3
"""Every header compiles alone, with no other included before it.

A header that some source file includes first is proven by that file's compilation, which the build has done. The
others are compiled by themselves; what passed is remembered by content, so that only changed ones are compiled again.
Those of the Python module want the include folders of Python and nanobind, and are left out where none are given.
"""
import concurrent.futures
import hashlib
import json
import pathlib
import re
import shlex
import subprocess

import common

PYTHON = "quantick/bindings/python/"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"(quantick/[^"]+)"', re.MULTILINE)
FIRST = re.compile(r'\A(?:[ \t]*(?://[^\n]*)?\n)*#[ \t]*include[ \t]*"(quantick/[^"]+)"')


def built_sources(options):
    """Source files that the build has compiled."""
    if options.compile_commands is None:
        return []
    entries = json.loads(options.compile_commands.read_text())
    return [pathlib.Path(entry["directory"], entry["file"]) for entry in entries]


def closure_hash(root, header, flags, texts):
    """Hash of the flags and of everything of ours that the header includes."""
    seen, todo = set(), [header]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in texts:
            path = root / name
            texts[name] = path.read_text() if path.is_file() else ""
        todo += INCLUDE.findall(texts[name])
    digest = hashlib.sha256(" ".join(flags).encode())
    for name in sorted(seen):
        digest.update(name.encode() + b"\0" + texts[name].encode() + b"\0")
    return digest.hexdigest()


def compile_alone(root, header, flags):
    # Twice, so that a header without its guard is caught too.
    unit = f'#include "{header}"\n#include "{header}"\n'
    result = subprocess.run([*flags, "-fsyntax-only", "-I", str(root), "-x", "c++", "-"], input=unit,
                            capture_output=True, text=True, env=common.PLAIN)
    if result.returncode == 0:
        return None
    errors = [line for line in result.stderr.splitlines() if "error" in line]
    return f"{header}: does not compile alone: {(errors or ['?'])[0]}"


def check(root, options):
    flags = [options.compiler, "-std=c++20", *shlex.split(options.flags)]

    def flags_of(header):
        return flags + (shlex.split(options.python_flags) if header.startswith(PYTHON) else [])
    proven = set()
    for path in built_sources(options):
        if path.is_file():
            found = FIRST.match(path.read_text())
            if found:
                proven.add(found.group(1))
    cache = json.loads(options.cache.read_text()) if options.cache and options.cache.is_file() else {}
    texts, todo, known = {}, {}, {}
    for path in common.sources(root, {".h"}):
        header = path.relative_to(root).as_posix()
        if header in proven or (header.startswith(PYTHON) and not options.python_flags):
            continue
        digest = closure_hash(root, header, flags_of(header), texts)
        if cache.get(header) == digest:
            known[header] = digest
        else:
            todo[header] = digest
    print(f"{len(proven)} proven by the build, {len(known)} remembered, {len(todo)} to compile")
    complaints = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for header, error in zip(todo, pool.map(lambda name: compile_alone(root, name, flags_of(name)), todo)):
            if error is None:
                known[header] = todo[header]
            else:
                complaints.append(error)
    if options.cache:
        options.cache.write_text(json.dumps(known, indent=0, sort_keys=True))
    return complaints


def self_test(folder, options):
    options.cache, options.compile_commands = folder / "cache.json", None
    common.plant(folder, {"quantick/core/good.h": "#pragma once\n#include <vector>\nstd::vector<int> f();\n"})
    common.expect(check(folder, options) == [], "a good header was refused")
    common.plant(folder, {"quantick/core/bad.h": "#pragma once\nstd::vector<int> g();\n"})
    common.expect(len(check(folder, options)) == 1, "a header that leans on others was not caught")
    common.expect(len(check(folder, options)) == 1, "a failure was remembered as good")
    common.plant(folder, {"quantick/core/bad.h": "struct NoGuard {};\n"})
    common.expect(len(check(folder, options)) == 1, "a header without a guard was not caught")
    common.plant(folder, {"quantick/core/bad.h": '#pragma once\n#include "quantick/core/good.h"\nstd::vector<int> g();\n'})
    common.expect(check(folder, options) == [], "a good header was refused")
    common.plant(folder, {"quantick/core/good.h": "#pragma once\n"})
    common.expect(len(check(folder, options)) == 1, "a change below a remembered header was not seen")


def add_options(parser):
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--flags", default="")
    parser.add_argument("--python-flags", default="")
    parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--compile-commands", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=2)


if __name__ == "__main__":
    common.main(check, self_test, add_options)
