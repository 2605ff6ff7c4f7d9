"""Evaluate a checkpoint. Takes the arguments of MMPose's ``tools/test.py``, and is what ``mim test mmpose_kd`` runs."""
from mmpose_kd.cli import run_mmpose_tool

if __name__ == '__main__':
    run_mmpose_tool('test.py')
