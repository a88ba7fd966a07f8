"""The user study on paper: three tasks in at most 25 lines each, comments included, and no line unexplained.

test_lessons.py runs them.
"""
import ast
import io
import pathlib
import tokenize

import pytest

STUDIES = sorted((pathlib.Path(__file__).resolve().parent.parent.parent / "examples/python").glob("study_*.py"))
MOST = 25


def code_and_comments(text):
    """Lines that hold code (not blank, not only a comment, not the docstring), and those that hold a comment."""
    tree = ast.parse(text)
    doc = tree.body[0]
    docstring = set(range(doc.lineno, doc.end_lineno + 1)) if ast.get_docstring(tree) else set()
    code, comments = set(), set()
    quiet = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments.add(token.start[0])
        elif token.type not in quiet:
            code |= set(range(token.start[0], token.end[0] + 1))
    return code - docstring, comments


def unexplained(text):
    """Lines of code without a comment: on the line, or above it with no blank line between."""
    code, comments = code_and_comments(text)
    lines = text.splitlines()
    left, explained = [], False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            explained = False
        elif number in comments and number not in code:
            explained = True
        elif number in code and not explained and number not in comments:
            left.append(line)
    return left


def test_the_three_tasks_are_there():
    assert [path.name.split("_")[1] for path in STUDIES] == ["1", "2", "3"]


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_short_and_explained(study):
    text = study.read_text()
    assert ast.get_docstring(ast.parse(text)), "the docstring says what the script is for"
    assert len(text.splitlines()) <= MOST
    assert unexplained(text) == []


def test_what_is_counted():
    text = '"""Doc\nstring."""\n# why\nimport a\nimport b\n\nx = 1\ny = 2  # because\n'
    assert sorted(code_and_comments(text)[0]) == [4, 5, 7, 8]
    assert unexplained(text) == ["x = 1"]
