import io
import os
import pty
import subprocess
import sys

import pytest
from rich.console import Console

from mmpose_kd.progress import busy, progress_bar, track

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


def test_long_work_tells_a_file_how_far_it_is(monkeypatch, capfd):
    monkeypatch.setattr('mmpose_kd.progress.SECONDS_A_LINE', 0)
    assert list(track('abc', 'letters')) == ['a', 'b', 'c']
    first, second, last = capfd.readouterr().err.splitlines()
    assert first.startswith('letters: 1 of 3, 0:00:0')
    assert second.startswith('letters: 2 of 3, 0:00:0') and last == 'letters: 3 of 3, 0:00:00 left'


def test_a_source_of_unknown_length_is_told_too(monkeypatch):
    monkeypatch.setattr('mmpose_kd.progress.SECONDS_A_LINE', 0)
    file = io.StringIO()
    with progress_bar(Console(file=file)) as bar:
        task = bar.add_task('video', total=None)
        bar.advance(task)
    assert file.getvalue() == 'video: 1\n'


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


def test_the_time_left_is_told_where_a_step_takes_minutes():
    now = [0.0]
    bar = progress_bar(Console(file=io.StringIO()), get_time=lambda: now[0], auto_refresh=False)
    task = bar.add_task('training', total=20, completed=10)  # of which ten were done before
    for second in range(2, 402, 2):
        now[0] = second
        bar.update(task, completed=10 + second // 100)
    assert bar.tasks[task].time_remaining == 600  # six steps of 100 s


def test_steps_that_end_together_count_from_the_beginning():
    now = [0.0]
    bar = progress_bar(Console(file=io.StringIO()), get_time=lambda: now[0], auto_refresh=False)
    task = bar.add_task('two trainings at a time', total=10)
    for now[0] in (100, 102):
        bar.advance(task)
    assert bar.tasks[task].time_remaining == 408  # eight steps of 51 s
