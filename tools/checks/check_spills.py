#!/usr/bin/env python3
"""No inner loop of a product kernel keeps its accumulators on the stack.

Disassembles the kernels' object files as the build left them. An innermost loop (a backward jump with no other inside)
that multiplies and also stores a vector register to the stack has run out of registers: its sums wait for memory.
"""
import pathlib
import re
import shutil
import subprocess

import common

KERNELS = ("dense", "recurrent", "lstm", "gru", "gemm_f32")
FILES = re.compile(r"_(avx512vnni|avxvnni|avx2)\.cc\.o(bj)?$")
PRODUCT = re.compile(r"^(vpdpbusd|vpmaddwd|vfn?m(add|sub)\d+p)")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
SLOT = re.compile(r"((?:-?0x[0-9a-f]+)?\((%r[sb]p)\))")
STORE = re.compile(r"^%[xyz]mm\d+,[^,]*\(%r[sb]p\)")
VECTOR = re.compile(r"%[xyz]mm\d")


def functions(objdump, path):
    """Yields (name, [(address, mnemonic, operands)])."""
    text = subprocess.run([objdump, "-d", "-C", "--no-show-raw-insn", str(path)], capture_output=True, text=True,
                          check=True, env=common.PLAIN).stdout
    name, lines = None, []
    for line in text.splitlines():
        head = FUNCTION.match(line)
        if head:
            if lines:
                yield name, lines
            name, lines = head.group(1), []
        elif match := INSTRUCTION.match(line):
            lines.append((int(match.group(1), 16), match.group(2), match.group(3).split("#")[0].strip()))
    if lines:
        yield name, lines


def innermost_loops(lines):
    """(first, last) addresses of backward jumps' bodies that hold no other."""
    known = {address for address, _, _ in lines}
    loops = set()
    for address, mnemonic, operands in lines:
        target = re.match(r"^([0-9a-f]+)\b", operands) if mnemonic.startswith("j") else None
        if target and int(target.group(1), 16) <= address and int(target.group(1), 16) in known:
            loops.add((int(target.group(1), 16), address))
    return [a for a in loops if not any(b != a and b[0] >= a[0] and b[1] <= a[1] for b in loops)]


def spills(lines):
    """[(first address of the loop, slots)] of the loops that multiply and carry vectors from round to round in memory."""
    framed = any(mnemonic == "mov" and operands == "%rsp,%rbp" for _, mnemonic, operands in lines)
    found = []
    for first, last in sorted(innermost_loops(lines)):
        body = [(mnemonic, operands) for address, mnemonic, operands in lines if first <= address <= last]
        if not any(PRODUCT.match(mnemonic) for mnemonic, _ in body):
            continue
        # A slot that is read before it is written lives across rounds; one that is written first is a passing value.
        read, carried = set(), set()
        for mnemonic, operands in body:
            for slot, base in SLOT.findall(operands):
                if base == "%rbp" and not framed:
                    continue
                if mnemonic.startswith("vmov") and STORE.match(operands):
                    carried |= {slot} & read
                elif VECTOR.search(operands):
                    read.add(slot)
        if carried:
            found.append((first, len(carried)))
    return found


def objects(folder):
    return sorted(path for kernel in KERNELS for path in (folder / kernel).rglob("*") if FILES.search(path.name))


def check(root, options):
    objdump = shutil.which(options.objdump)
    if objdump is None:
        common.skip(f"{options.objdump} was not found")
    if "-O2" not in options.flags.split():
        common.skip(f"the build's flags are \"{options.flags}\"; only -O2 is what users run")
    if "-fsanitize" in options.flags:
        common.skip("sanitizers want registers of their own")
    found = objects(options.objects)
    if not found:
        common.skip(f"no object files of vector kernels below {options.objects}")
    complaints = []
    for path in found:
        place = path.relative_to(options.objects).as_posix()
        complaints += [f"{place}: {name}: the loop at {first:#x} keeps {count} vectors on the stack"
                       for name, lines in functions(objdump, path) for first, count in spills(lines)]
    if not options.self_test:
        print(f"{len(found)} object files")
    return complaints


LOOP = """.globl kernel
kernel:
{before}
1:
    {product}
{inside}
    addq $64, %rdi
    cmpq %rsi, %rdi
    jb 1b
{after}
    ret
"""


def self_test(folder, options):
    if shutil.which(options.objdump) is None:
        common.skip(f"{options.objdump} was not found")
    options.objects, options.flags = folder, "-O2"
    spill, product = "vmovdqa64 %zmm1, 64(%rsp)", "vmovdqa64 64(%rsp), %zmm1\nvpdpbusd (%rdi), %zmm2, %zmm1"
    frame = "push %rbp\nmov %rsp, %rbp"
    cases = ((dict(product=product, inside=spill), 1, "a spilled sum was not caught"),
             (dict(product="vmulps (%rsp), %ymm3, %ymm1\nvfmadd231ps (%rdi), %ymm2, %ymm1",
                   inside="vmovaps %ymm1, (%rsp)"), 1,
              "a spilled float sum was not caught"),
             (dict(product="vpmaddwd (%rdi), %ymm2, %ymm1",
                   inside="vpaddd -96(%rbp), %ymm1, %ymm1\nvmovdqu %ymm1, -96(%rbp)", before=frame), 1,
              "a spill into a frame was not caught"),
             (dict(product=product, inside="vpaddd -96(%rbp), %ymm1, %ymm1\nvmovdqu %ymm1, -96(%rbp)"), 0,
              "a sum behind a pointer was refused"),
             (dict(product=product, inside="vmovdqa64 %zmm1, (%rdx)"), 0, "a store of a result was refused"),
             (dict(product=product, inside="vmovdqa64 64(%rsp), %zmm3"), 0, "a constant on the stack was refused"),
             (dict(product="vpdpbusd (%rdi), %zmm2, %zmm1", inside=spill + "\nvmovdqa64 64(%rsp), %zmm1"), 0,
              "a passing value was refused"),
             (dict(product=product, inside="", before=spill, after=spill), 0, "a store outside the loop was refused"),
             (dict(product="vpaddd %zmm1, %zmm2, %zmm1", inside=spill), 0, "a loop without products was refused"),
             (dict(product=product, inside="2:\nvpaddd %zmm1, %zmm2, %zmm1\ndec %rcx\njne 2b\n" + spill), 0,
              "a loop that is not an innermost one was refused"))
    for parts, wanted, what in cases:
        text = LOOP.format(**{"before": "", "after": "", **parts})
        common.plant(folder, {"dense/planted.s": text})
        target = folder / "dense" / "planted_avx512vnni.cc.o"
        subprocess.run([options.compiler, "-c", str(folder / "dense" / "planted.s"), "-o", str(target)], check=True)
        found = check(folder, options)
        common.expect(len(found) == wanted, f"{what}: {found}")


def add_options(parser):
    parser.add_argument("--objects", type=pathlib.Path,
                        default=common.ROOT / "build/release/CMakeFiles/quantick_kernels.dir/quantick/kernels")
    parser.add_argument("--flags", default="-O2", help="what the objects were compiled with")
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--objdump", default="objdump")


if __name__ == "__main__":
    common.main(check, self_test, add_options)
