"""Make a deployable folder of a distilled run and check it; ``mim run mmpose_kd export`` runs it."""
import argparse

from mmpose_kd.cli import CfgOptions, find_config, for_the_user
from mmpose_kd.deploy import Limits, export_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the distilled run, or the name of a shipped one')
    parser.add_argument('checkpoint', help='checkpoint that it wrote')
    parser.add_argument('--out', required=True, help='folder to make')
    parser.add_argument('--onnx', default='keypoints', choices=['keypoints', 'raw', 'none'],
                        help='end the graph with keypoints and scores (default) or with the outputs of the head')
    parser.add_argument('--fp16', action='store_true', help='store the weights of the checkpoint in half precision')
    parser.add_argument('--int8', metavar='FOLDER', help='write model_int8.onnx too, calibrated on these images')
    parser.add_argument('--images', metavar='FOLDER', help='images for the checks instead of the validation data')
    parser.add_argument('--num-images', type=int, default=32, help='images for checks and calibration (default: 32)')
    parser.add_argument('--tolerance', type=float, default=Limits().pixels, metavar='PIXELS',
                        help='largest keypoint difference between PyTorch and ONNX Runtime (default: %(default)s)')
    parser.add_argument('--max-drop', type=float, default=Limits().drop, metavar='PCK',
                        help='largest loss of PCK@0.2 by float16, ONNX or int8 (default: %(default)s)')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='changes to the config, as in mim train')
    args = parser.parse_args()
    with for_the_user('stopped; nothing is exported'):
        export_folder(find_config(args.config), args.checkpoint, args.out, onnx=args.onnx, fp16=args.fp16,
                      int8_images=args.int8, images=args.images, num_images=args.num_images,
                      limits=Limits(args.tolerance, args.max_drop), cfg_options=args.cfg_options)
    print(f'exported to {args.out}; its README.md says how to run it')


if __name__ == '__main__':
    main()
