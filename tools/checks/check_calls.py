#!/usr/bin/env python3
"""Calls that the library leaves to the program: printing, exiting, the clock, the environment, hidden random numbers.

Tests and benchmarks (tests/, bench/, x_test.cc, x_bench.cc, test_x.h, bench_x.h) are free of it, except that the
environment is read through quantick/core/env.h everywhere and random numbers are keyed.
"""
import re

import common

# what: (pattern, places where it may stand, whether tests may)
RULES = {
    "reading the environment; use quantick/core/env.h":
        (r"\b(?:std::)?(?:secure_)?getenv\s*\(", ("quantick/core/env.cc",), False),
    "printing; use quantick/core/log.h":
        (r"\bstd::(?:cout|cerr|clog)\b|\b(?:std|fmt)::print(?:ln)?\s*\(|\b(?:v?f?printf|puts|putchar|perror)\s*\(",
         ("quantick/cli/",), True),
    "exiting; throw (quantick/core/error.h)":
        (r"\b(?:std::)?(?:exit|abort|quick_exit|_Exit|terminate)\s*\(|\bassert\s*\(", ("quantick/cli/main.cc",), True),
    "reading the clock; time is an argument":
        (r"\b(?:system|steady|high_resolution)_clock\b|\b(?:std::)?(?:time|clock)\s*\(\s*(?:NULL|nullptr|0|&\w+)?\s*\)"
         r"(?!\s*const\b)|\bclock_gettime\s*\(|\bgettimeofday\s*\(", ("quantick/core/clock.", "quantick/cli/"), True),
    "hidden random numbers; use quantick/core/rng.h":
        (r"\brandom_device\b|\bmt19937\w*|\b(?:std::)?s?rand\s*\(", (), False),
}


def code_only(text):
    """The text with comments and literals blanked, line for line."""
    def blank(found):
        return re.sub(r"[^\n]", " ", found.group(0))
    literal = r'R"(?P<tag>[^ ()\\\t\n]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*.*?\*/'
    return re.sub(literal, blank, text, flags=re.DOTALL)


def check(root, options):
    complaints = []
    for path in common.sources(root, {".h", ".cc", ".inc"}):
        where = path.relative_to(root).as_posix()
        test = re.search(r"_(test|bench)\.cc$|/(test|bench)_\w+\.h$", where) or where.startswith(("tests/", "bench/"))
        text = code_only(path.read_text())
        for what, (pattern, places, tests_may) in RULES.items():
            if where.startswith(places) or (test and tests_may):
                continue
            for found in re.finditer(pattern, text):
                before = text[:found.start()].rstrip()[-2:]
                if before.endswith((".", "->")):
                    continue  # a member of some class that bears the name
                line = text.count("\n", 0, found.start()) + 1
                complaints.append(f"{where}:{line}: {found.group(0).strip()}: {what}")
    return complaints


def self_test(folder, options):
    clean = {
        "quantick/core/env.cc": "auto v = std::getenv(n);\n",
        "quantick/cli/main.cc": 'int main() { std::cerr << "x"; std::exit(1); }\n',
        "quantick/core/words.cc": '// std::cout, exit(1)\nauto s = "getenv(x) \\" rand()"; auto r = R"(time(0))";\n'
                                  "void f(Log log) { log.print(1); fmt::format(1); stream.time(); }\n"
                                  "struct Event { long time() const; };\n",
        "quantick/core/a_test.cc": "void f() { std::cout << 1; steady_clock::now(); }\n",
    }
    common.plant(folder, clean)
    common.expect(check(folder, options) == [], f"clean code was refused: {check(folder, options)}")
    planted = ["auto v = getenv(n);", "std::cout << 1;", 'printf("x");', "std::abort();", "time(nullptr);",
               "auto t = std::chrono::steady_clock::now();", "std::mt19937 g;", "int x = rand();", "assert(x);"]
    for code in planted:
        common.plant(folder, {"quantick/core/bad.cc": code + "\n"})
        common.expect(len(check(folder, options)) == 1, f"{code} was not caught")
    common.plant(folder, {"quantick/core/bad.cc": "", "quantick/core/b_test.cc": "auto v = std::getenv(n);\n"})
    common.expect(len(check(folder, options)) == 1, "getenv in a test was not caught")


if __name__ == "__main__":
    common.main(check, self_test)
