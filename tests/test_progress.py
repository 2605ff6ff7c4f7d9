import os
import pty
import subprocess
import sys

import pytest

from mmpose_kd.progress import busy, track

CODE = """
import time
from mmpose_kd.progress import track
print(sum(time.sleep(0.1) or i for i in track(range(20), 'adding up')))
"""


def test_items_pass_in_order_and_nothing_is_drawn_into_a_file(capfd):
    assert list(track('abc', 'letters')) == ['a', 'b', 'c']
    with busy('waiting'):
        pass
    assert capfd.readouterr() == ('', '')


def test_an_error_within_passes_through():
    with pytest.raises(ZeroDivisionError):
        for i in track([1, 0], 'dividing'):
            1 / i


def test_a_terminal_shows_how_many_are_done_and_the_time_left():
    here, there = pty.openpty()
    with subprocess.Popen([sys.executable, '-W', 'ignore', '-c', CODE], stdout=subprocess.PIPE, stderr=there,
                          env={**os.environ, 'TERM': 'xterm'}) as process:
        os.close(there)
        drawn = b''
        while True:
            try:
                drawn += os.read(here, 4096)
            except OSError:  # the other end is closed
                break
        assert process.stdout.read().split()[-1] == b'190'
    os.close(here)
    assert b'adding up' in drawn and b'20/20' in drawn and b'0:00:0' in drawn
