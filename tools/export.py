"""Write the plain config and checkpoint of a distilled student; ``mim run mmpose_kd export`` runs it."""
import argparse
import sys

from mmpose_kd.deploy import export_student
from mmpose_kd.errors import ConfigError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the distilled run')
    parser.add_argument('checkpoint', help='checkpoint that it wrote')
    parser.add_argument('--out', required=True, help='folder to write to')
    args = parser.parse_args()
    try:
        config, checkpoint = export_student(args.config, args.checkpoint, args.out)
    except (ConfigError, FileNotFoundError) as error:
        sys.exit(f'error: {error}')
    print(f'config:     {config}\ncheckpoint: {checkpoint} ({checkpoint.stat().st_size / 1e6:.1f} MB)')


if __name__ == '__main__':
    main()
