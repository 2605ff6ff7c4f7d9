"""One HTML page about a training, several, or a study."""
from .build import Options, check_output, write_report
from .runs import Experiment, Trained, read_folders

__all__ = ['Experiment', 'Options', 'Trained', 'check_output', 'read_folders', 'write_report']
