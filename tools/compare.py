"""Draw two or three models side by side on an image, a folder or a video, with their speed and disagreement."""
import argparse
import math
import sys
from pathlib import Path
from typing import List

import mmpose_kd  # noqa: F401  isort: skip  repairs the environment before MMPose is imported
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmpose_kd.cli import find_config, for_the_user
from mmpose_kd.errors import ConfigError
from mmpose_kd.machine import find_device
from mmpose_kd.progress import progress_bar
from mmpose_kd.visualization.compare import (
    ComparedModel,
    compare_image,
    read_boxes,
    shared_keypoints,
    summary,
)
from mmpose_kd.visualization.media import Source, open_output

console = Console(width=None if sys.stdout.isatty() else 120)


def compare(args: argparse.Namespace) -> None:
    if len(args.model) not in (2, 3):
        raise ConfigError(f'--model CONFIG CHECKPOINT is given {len(args.model)} times; expected two or three models.')
    if args.names and (len(args.names) != len(args.model) or len(set(args.names)) != len(args.names)):
        raise ConfigError(f'--names: {" ".join(args.names)} given, expected {len(args.model)} different names, one for '
                          'each model.')
    if not 16 <= args.height <= 4320:
        raise ConfigError(f'--height={args.height} given, expected 16 to 4320 pixels.')
    if math.isnan(args.threshold):
        raise ConfigError('--threshold nan: expected a number, which scores are compared with.')
    source = Source(args.source)
    boxes = read_boxes(args.boxes, source) if args.boxes else {}
    device = find_device(args.device)
    models: List[ComparedModel] = []
    for i, (config, checkpoint) in enumerate(args.model):
        name = args.names[i] if args.names else f'{i + 1}: {Path(config).stem}'
        models.append(ComparedModel(find_config(config), checkpoint, name, device))
    shared_keypoints(models)
    with open_output(source, args.out) as output, progress_bar(console) as bar:
        task = bar.add_task(source.path.name, total=source.count)
        for name, image in source:
            persons = boxes.get(name, boxes.get(None))
            output.write(name, compare_image(models, image, persons, args.threshold, args.height))
            bar.advance(task)
    if source.kind == 'video' and source.read < (source.count or 0):
        console.print(f'only {source.read} of {source.count} frames could be read: the video may be damaged')
    for name in source.skipped:
        console.print(f'skipped, cannot be read: {name}', markup=False)
    table = Table('model', 'ms an image', 'images/s', f'% from {escape(models[0].name)}, mean', '90th percentile')
    for row in summary(models):
        rate = None if row['ms'] is None else 1000 / row['ms']
        measured = ['-' if value is None else f'{value:.1f}' for value in (row['ms'], rate, row['mean'], row['p90'])]
        table.add_row(escape(row['name']), *measured)
    console.print(table)
    if not any(model.distances for model in models[1:]):
        console.print(f'no joint was compared: none has a score above --threshold {args.threshold:g} in the first '
                      'model and another; a lower one shows and compares more', soft_wrap=True, markup=False)
    console.print(f'written: {args.out}', soft_wrap=True, markup=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='image, folder of images, or video')
    parser.add_argument('--model', nargs=2, action='append', default=[], metavar=('CONFIG', 'CHECKPOINT'),
                        help='required, two or three times; the others are compared with the first')
    parser.add_argument('--out', required=True, help='picture or video to write; a folder, if the source is one')
    parser.add_argument('--names', nargs='+', help='what the models are called; default: their configs')
    parser.add_argument('--boxes', help='JSON: boxes [x1, y1, x2, y2] for every image, or by file name or frame '
                        'number; default: the whole image')
    parser.add_argument('--threshold', type=float, default=0.3, help='joints with a smaller score are left out')
    parser.add_argument('--height', type=int, default=480, help='of each picture, in pixels')
    parser.add_argument('--device', help='default: a GPU, if there is one')
    args = parser.parse_args()
    with for_the_user('stopped; nothing was written'):
        compare(args)


if __name__ == '__main__':
    main()
