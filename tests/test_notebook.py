"""The notebook of the documentation runs from top to bottom."""
import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parent.parent / 'docs' / 'notebooks' / 'distil.ipynb'


def test_notebook_runs(tmp_path):
    reason = 'not installed: pip install -r requirements/docs.txt; `make notebook` does that'
    nbclient = pytest.importorskip('nbclient', reason=f'nbclient is {reason}')
    pytest.importorskip('ipykernel', reason=f'ipykernel is {reason}')
    nbformat = pytest.importorskip('nbformat', reason=f'nbformat is {reason}')
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=1200, resources=dict(metadata=dict(path=str(tmp_path)))).execute()
    printed = ''.join(output.get('text', '') for cell in notebook.cells for output in cell.get('outputs', []))
    assert 'student + KD     pck@0.05/PCK' in printed
    assert 'TopdownPoseEstimator, 0.23 M parameters' in printed


def test_notebook_is_stored_without_outputs():
    """They would change with every run; and nobody reads a difference of pictures."""
    cells = json.loads(NOTEBOOK.read_text())['cells']
    assert [cell for cell in cells if cell.get('outputs') or cell.get('execution_count')] == []
