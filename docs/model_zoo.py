"""Write the pages of the model zoo: each folder's README, and a table of its models from metafile.yml.

What was measured here comes from the results of studies in docs/results/, of which the demo is one. A cell is empty
where nothing was measured with three seeds.

    python docs/model_zoo.py docs/zoo
"""
import json
import re
import sys
from pathlib import Path
from typing import Dict, Iterable, List, Optional

import yaml

ROOT = Path(__file__).resolve().parent.parent


def write(out: Path, root: Path = ROOT) -> None:
    """Write a page for each metafile that model-index.yml imports, and their index.

    Args:
        out (Path): Folder of the pages.
        root (Path): The repository. Default: this one.
    """
    out.mkdir(parents=True, exist_ok=True)
    measured = measured_by_studies(root)
    names = []
    for metafile in yaml.safe_load((root / 'model-index.yml').read_text())['Import']:
        name = Path(metafile).parent.name
        names.append(name)
        (out / f'{name}.md').write_text(page(root / metafile, measured))
    (out / 'index.md').write_text(
        '# Model zoo\n\nConfigs by folder of `configs/`. "Measured here" has the data and the command that measures it '
        'again; where nothing was measured the cell is empty. No trained weights are published.\n\n'
        '```{toctree}\n' + '\n'.join(names) + '\n```\n')


def page(metafile: Path, measured: Dict[str, List[str]]) -> str:
    """The README of a folder of configs and the table of its models.

    Args:
        metafile (Path): Its metafile.yml.
        measured (dict[str, list[str]]): Results by the stem of a config.

    Returns:
        str: Markdown.
    """
    readme = metafile.parent / 'README.md'
    lines = [relink(readme.read_text()).rstrip(), '', '## Models and results', '']
    columns = ('config', 'architecture', 'data', 'student', 'teacher', 'measured here')
    lines += [row(columns), row(['---'] * len(columns))]
    for model in yaml.safe_load(metafile.read_text())['Models']:
        data = model['Metadata']
        lines.append(row([
            f'`{model["Config"]}`', ', '.join(data.get('Architecture', [])), data.get('Training Data', ''),
            data.get('Student', ''), data.get('Teacher', ''), '<br>'.join(measured.get(Path(model['Config']).stem, []))
        ]))
    return '\n'.join(lines) + '\n'


def row(cells: Iterable[str]) -> str:
    return '| ' + ' | '.join(cells) + ' |'


def relink(text: str) -> str:
    """Links of a README in configs/ for its page: to pages where there is one, else the words alone."""

    def target(match: re.Match) -> str:
        words, link = match.groups()
        if link.startswith('http'):
            return match.group()
        page = re.fullmatch(r'\.\./\.\./docs/([\w/]+\.md)', link)
        if page:
            return f'[{words}](../{page.group(1)})'
        folder = re.fullmatch(r'\.\./(\w+)(/README\.md)?', link)
        return f'[{words}]({folder.group(1)}.md)' if folder else words

    return re.sub(r'(?<!!)\[([^]]*)\]\(([^)\s]+)\)', target, text)


def measured_by_studies(root: Path) -> Dict[str, List[str]]:
    """Results of the studies in docs/results/ with three seeds or more, by the stem of a config."""
    cells: Dict[str, List[str]] = {}
    for file in sorted((root / 'docs' / 'results').glob('**/*.json')):
        results = json.loads(file.read_text())
        if 'summary' not in results:
            continue
        for name, run in {run['name']: run for run in results['runs']}.items():
            summary = results['summary'][name]
            if len(summary['seeds']) < 3:
                continue
            values = [f'{title} {spread(summary[key]["mean"], summary[key]["std"])}'
                      for key, title in results['metrics'].items()]
            cells.setdefault(Path(run['config']).stem, []).append(
                f'{", ".join(values)}; "{run["label"]}" of "{results["title"]}", {len(summary["seeds"])} seeds, '
                f'`{file.relative_to(root).as_posix()}`, [command](../reproduce.md)')
    return cells


def spread(mean: float, std: Optional[float]) -> str:
    """Mean in percent, with the standard deviation where there is one; both are given as fractions."""
    return f'{100 * mean:.1f}' + (f' ± {100 * std:.1f}' if std is not None else '')


if __name__ == '__main__':
    write(Path(sys.argv[1])) if len(sys.argv) == 2 else sys.exit(__doc__)
