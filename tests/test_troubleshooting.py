"""docs/troubleshooting.md has an entry for each message of ours."""
import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GAP = '…'  # what a message fills in, in messages and in the entries' phrases


def text(node):
    """What a message says, with a gap for each value that it fills in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return ''.join(text(value) for value in node.values)
    if isinstance(node, ast.BinOp):
        return text(node.left) + text(node.right)
    return GAP


def messages():
    """(file, message) of every ConfigError that says something itself and does not only pass another's words on."""
    found = []
    for file in sorted((ROOT / 'mmpose_kd').rglob('*.py')):
        if '.mim' in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'ConfigError' and node.args):
                continue
            first = node.args[0]
            for message in [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]:
                if re.search('[a-z]{3}', re.sub(rf'^[\w.{GAP}]+: ', '', text(message))):
                    found.append((file.relative_to(ROOT).as_posix(), text(message)))
    return found


def phrases():
    """The phrases in the first column of the page's tables."""
    page = (ROOT / 'docs' / 'troubleshooting.md').read_text()
    return [re.split(f'{GAP}+', phrase) for phrase in re.findall(r'^\| `(.+?)` \|', page, re.MULTILINE)]


def says(message, phrase):
    """Whether a message has the parts of a phrase, in this order."""
    place = 0
    for part in phrase:
        place = message.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


@pytest.mark.parametrize('file, message', messages())
def test_message_has_an_entry(file, message):
    assert any(says(message, phrase) for phrase in phrases()), f'no row of docs/troubleshooting.md is for: {message}'


def test_messages_are_found():
    assert ('mmpose_kd/errors.py', f'{GAP}: expected a dict with a "type", got {GAP}.') in messages()


@pytest.mark.parametrize('message, phrase, expected', [
    (f'tap "{GAP}" is wrong: {GAP}', f'tap "{GAP}" is wrong', True),
    (f'tap "{GAP}" is wrong: {GAP}', f'is wrong{GAP}tap', False),
    (f'tap "{GAP}" is right', f'tap "{GAP}" is wrong', False),
])
def test_phrase_matches_in_order(message, phrase, expected):
    assert says(message, phrase.split(GAP)) is expected
