"""Train by tools/train.py in processes that are killed with SIGKILL, again and again. test_kill_and_resume.py runs

    python killer.py CONFIG FOLDER KILLS

which trains to the end once in FOLDER/whole. Then it starts trainings with --resume and kills each at a random moment,
or while it writes a checkpoint, or before it gives one its name. One that ends before it is killed is followed by one
in the next folder; the last is left alone. Prints what it did as JSON.
"""
import json
import os
import random
import signal
import sys
import time
import traceback

import mmengine.config.config
from mmengine.fileio.backends import LocalBackend

from mmpose_kd.cli import run_mmpose_tool


def start(config, folder):
    """Train in a process of its own that has all imported already."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setsid()
            os.makedirs(folder, exist_ok=True)
            log = os.open(f'{folder}/output.txt', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1), os.dup2(log, 2)
            sys.argv = ['train.py', config, '--work-dir', folder, '--resume']
            run_mmpose_tool('train.py')
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(status)
    return pid


def status_of(pid, seconds=None):
    """How a process ended; None if it runs after some seconds."""
    end = time.monotonic() + (seconds or 1e9)
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    return None


def at_a_moment(config, folder, duration):
    pid = start(config, folder)
    status = status_of(pid, random.uniform(0.05, 0.8) * duration)
    if status is None:
        os.kill(pid, signal.SIGKILL)
        status = status_of(pid)
    return status


def writing(config, folder, duration):
    """When a part of one of the next checkpoints is on the disk."""
    left, stock = random.randint(1, 3), LocalBackend.put

    def put(backend, data, path):
        nonlocal left
        left -= 1
        if left:
            return stock(backend, data, path)
        with open(path, 'wb') as file:
            file.write(data[:random.randrange(len(data))])
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    LocalBackend.put = put
    pid = start(config, folder)
    LocalBackend.put = stock
    return status_of(pid)


def before_the_name(config, folder, duration):
    """When a file is whole, and is to get its name."""
    left, stock = random.randint(1, 6), os.replace

    def replace(*args):
        nonlocal left
        left -= 1
        if left:
            return stock(*args)
        os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace
    pid = start(config, folder)
    os.replace = stock
    return status_of(pid)


def main(config, folder, kills):
    mmengine.config.config.FormatCode = lambda text, **kwargs: (text, True)  # takes longer than the training
    began = time.monotonic()
    assert status_of(start(config, f'{folder}/whole')) == 0
    duration = time.monotonic() - began
    done, runs = [], 1
    while len(done) < kills:
        how = (at_a_moment, writing, before_the_name, at_a_moment)[len(done) % 4]
        status = how(config, f'{folder}/{runs}', duration)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            done.append(how.__name__)
        else:
            assert status == 0, status
            runs += 1
    assert status_of(start(config, f'{folder}/{runs}')) == 0
    print(json.dumps(dict(kills=done, runs=runs, seconds=duration)))


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
