"""Store the teachers' answers for a config whose teacher has a cache; ``mim run mmpose_kd cache`` runs it."""
import argparse

from mmpose_kd.cache import build_caches
from mmpose_kd.cli import CfgOptions, find_config, for_the_user


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the distilled training, or the name of a shipped one')
    parser.add_argument('--taps', nargs='+', default=[],
                        help='teacher taps to store beside those of the config, in a cache that is new')
    parser.add_argument('--dtype', default='float16', choices=('float16', 'float32'),
                        help='of what is stored (default: float16)')
    parser.add_argument('--device', help='default: a GPU, if there is one')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='changes to the config, as in mim train')
    args = parser.parse_args()
    with for_the_user('stopped; the same command goes on from here'):
        caches = build_caches(find_config(args.config), args.taps, args.dtype, args.device, args.cfg_options)
    for cache in caches:
        begun = sum(not cache.finished(shard) for shard in range(cache.shards()))
        print(f'{cache.folder}: ' + (f'not complete: another process is at work on {begun} of {cache.shards()} files'
                                     if begun else 'complete'))


if __name__ == '__main__':
    main()
