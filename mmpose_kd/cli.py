"""What the scripts in ``tools/`` share."""
import os
import runpy
import sys
from pathlib import Path

import mmpose

from .errors import ConfigError


def run_mmpose_tool(name: str) -> None:
    """Run one of MMPose's own tools with the current command line, this package being registered.

    A :class:`ConfigError` ends the process with exit code 1 and its message
    instead of a traceback; ``MMPOSE_KD_DEBUG=1`` brings the traceback back.

    Args:
        name (str): File name of the tool, such as ``'train.py'``.
    """
    package = Path(mmpose.__file__).parent
    places = [package / '.mim' / 'tools' / name, package.parent / 'tools' / name]
    script = next((place for place in places if place.is_file()), None)
    if script is None:
        sys.exit(f'error: MMPose is installed without its tools: there is neither {places[0]} nor {places[1]}. '
                 'Reinstall mmpose, for instance with "mim install mmpose".')
    try:
        runpy.run_path(str(script), run_name='__main__')
    except ConfigError as error:
        if os.environ.get('MMPOSE_KD_DEBUG') == '1':
            raise
        sys.exit(f'error: {error}')
