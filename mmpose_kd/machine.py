"""What a machine tells of itself."""
import ctypes
import gc
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Optional, Union

import torch

from .errors import ConfigError, one_line


def processor() -> str:
    """The processor's name, as far as the system tells."""
    cpuinfo = Path('/proc/cpuinfo')
    found = re.search(r'model name\s*: (.+)', cpuinfo.read_text()) if cpuinfo.is_file() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def cores() -> int:
    """How many cores this process may use, which a scheduler of jobs may have made fewer than the machine has."""
    return len(os.sched_getaffinity(0))


def machine() -> str:
    """Processor, cores and accelerator."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU'
    return f'{processor()}, {cores()} cores, {device}'


def emulates(dtype: torch.dtype) -> bool:
    """Whether the processor has no instructions for a type of half precision, so that float32 is several times faster.

    Args:
        dtype (torch.dtype): The type.

    Returns:
        bool: False, too, where PyTorch does not tell.
    """
    name = {torch.bfloat16: '_is_mkldnn_bf16_supported', torch.float16: '_is_mkldnn_fp16_supported'}.get(dtype, '')
    has_instructions = getattr(torch.ops.mkldnn, name, None) if torch.backends.mkldnn.is_available() else None
    return has_instructions is not None and not has_instructions()


def memory(field: str, process: Union[int, str] = 'self') -> float:
    """MB of memory of a process: 'VmRSS', what it holds, or 'VmHWM', the most that it has held.

    Raises:
        OSError: The system does not tell, or the process has ended.
    """
    found = re.search(rf'{field}:\s+(\d+) kB', Path(f'/proc/{process}/status').read_text())
    if found is None:
        raise ProcessLookupError(f'no {field} of process {process}')
    return int(found[1]) / 1024


def commit() -> str:
    """The commit of this package's repository, marked where files differ from it; empty where it has none."""
    folder = Path(__file__).resolve().parent

    def git(*args: str) -> str:
        try:
            done = subprocess.run(['git', '-C', str(folder), *args], capture_output=True, text=True, check=False)
        except OSError:  # no git
            return ''
        return done.stdout.strip() if done.returncode == 0 else ''

    if git('rev-parse', '--show-toplevel') != str(folder.parent):  # installed, perhaps below another's repository
        return ''
    return git('rev-parse', '--short=12', 'HEAD') + (' with changes' if git('status', '--porcelain', '-uno') else '')


def use_gpu(device: Union[str, torch.device]) -> None:
    """Make a GPU the current one, the one that is waited for and whose memory is counted.

    Args:
        device (str | torch.device): 'cuda' is the first; one that is no GPU changes nothing.
    """
    device = torch.device(device)
    if device.type == 'cuda':
        torch.cuda.set_device(device.index or 0)  # which refuses a device without an index


def give_back_memory() -> None:
    """Give back to the system what is freed but kept for later, as far as the C library can: glibc's does."""
    gc.collect()
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # musl, macOS; Windows
        return
    trim(0)


def find_device(name: Optional[str] = None) -> str:
    """A device that can be used; without a name a GPU, if there is one.

    Raises:
        ConfigError: There is no such device.
    """
    name = name or ('cuda' if torch.cuda.is_available() else 'cpu')
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f'device "{name}" cannot be used: {one_line(error)}') from None
    return name
