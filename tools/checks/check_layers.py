#!/usr/bin/env python3
"""The layer rule: a room includes, and links, only the rooms that tools/layers.txt allows it. No exceptions."""
import re

import common

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"](quantick/[^">]+|\.[^">]*)[">]', re.MULTILINE)
LINK = re.compile(r"qtk_room\((\w+)\s+([^)]*)\)")


def read_rooms(path):
    """{room: (level, allowed rooms)} and complaints about the table itself."""
    levels, named = {}, {}
    for line in path.read_text().splitlines():
        words = line.partition("#")[0].split()
        if words:
            levels[words[1]] = int(words[0])
            named[words[1]] = words[2:]
    complaints = []
    rooms = {}
    for room, names in named.items():
        below = {other for other, level in levels.items() if level < levels[room]}
        allowed = below if names == ["*"] else set(names)
        complaints += [f"{path.name}: {room} (level {levels[room]}) may not name {other}: not a lower room"
                       for other in sorted(allowed - below)]
        rooms[room] = (levels[room], allowed)
    return rooms, complaints


def check(root, options):
    rooms, complaints = read_rooms(root / "tools/layers.txt")
    for path in common.sources(root, {".h", ".cc", ".inc"}):
        where = path.relative_to(root)
        room = where.parts[1] if where.parts[0] == "quantick" else None
        if room is not None and room not in rooms:
            complaints.append(f"{where}: room {room} is not in tools/layers.txt")
            continue
        text = path.read_text()
        for found in INCLUDE.finditer(text):
            line = text.count("\n", 0, found.start(1)) + 1
            target = found.group(1).split("/")
            if target[0] != "quantick":
                complaints.append(f"{where}:{line}: {found.group(1)}: include by the full path, quantick/<room>/...")
            elif target[1] not in rooms:
                complaints.append(f"{where}:{line}: {found.group(1)}: room {target[1]} is not in tools/layers.txt")
            elif room is not None and target[1] != room and target[1] not in rooms[room][1]:
                complaints.append(f"{where}:{line}: {room} (level {rooms[room][0]}) may not include {target[1]} "
                                  f"(level {rooms[target[1]][0]})")
    lists = root / "CMakeLists.txt"
    for room, words in LINK.findall(lists.read_text() if lists.is_file() else ""):
        for other in words.split():
            if other in rooms and (room not in rooms or other not in rooms[room][1]):
                complaints.append(f"CMakeLists.txt: {room} may not link {other}")
    return complaints


def self_test(folder, options):
    table = "0 core\n1 kernels core\n1 market core\n2 tensor core kernels\n3 cli *\n"
    common.plant(folder, {
        "tools/layers.txt": table,
        "quantick/core/a.h": "#pragma once\n",
        "quantick/tensor/a.cc": '#include "quantick/kernels/a.h"\n#include "quantick/core/a.h"\n',
        "quantick/cli/a.cc": '#include "quantick/market/a.h"\n#include "quantick/tensor/a.h"\n',
        "tests/all_test.cc": '#include "quantick/cli/a.h"\n#include "quantick/market/a.h"\n',
        "CMakeLists.txt": "qtk_room(core)\nqtk_room(tensor LINK core kernels)\n",
    })
    common.expect(check(folder, options) == [], "a clean tree was refused")
    cases = {
        "quantick/core/up.cc": '#include "quantick/tensor/a.h"\n',
        "quantick/market/side.h": '#pragma once\n#  include "quantick/kernels/a.h"\n',
        "quantick/market/side_test.cc": '#include "quantick/tensor/a.h"\n',
        "quantick/kernels/x/up_bench.cc": '#include <quantick/tensor/a.h>\n',
        "quantick/core/relative.cc": '#include "../tensor/a.h"\n',
        "quantick/attic/a.cc": "int x;\n",
        "tests/attic_test.cc": '#include "quantick/attic/a.h"\n',
        "CMakeLists.txt": "qtk_room(core LINK tensor)\n",
        "tools/layers.txt": table + "2 graph core tensor\n",
    }
    for name, text in cases.items():
        path = folder / name
        before = path.read_text() if path.exists() else None
        common.plant(folder, {name: text})
        common.expect(len(check(folder, options)) == 1, f"{name} was not caught")
        path.unlink() if before is None else path.write_text(before)


if __name__ == "__main__":
    common.main(check, self_test)
