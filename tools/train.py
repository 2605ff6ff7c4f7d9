"""Train a model. Takes the arguments of MMPose's ``tools/train.py``, and is what ``mim train mmpose_kd`` runs."""
from mmpose_kd.cli import run_mmpose_tool

if __name__ == '__main__':
    run_mmpose_tool('train.py')
