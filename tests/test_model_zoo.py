"""docs/model_zoo.py: pages from metafiles and results."""
import json
from pathlib import Path

import pytest
import scripts
import yaml

ROOT = Path(__file__).resolve().parent.parent
METAFILE = """
Models:
- Name: a
  Config: configs/some/a.py
  Metadata: {Architecture: [ResNet, SimDR], Training Data: LSPET, Student: s, Teacher: t}
- Name: b
  Config: configs/some/b.py
  Metadata: {Architecture: [ResNet], Training Data: COCO}
"""


@pytest.fixture(scope='module')
def zoo():
    return scripts.load('model_zoo')


@pytest.fixture
def repository(tmp_path):
    """One folder with two configs, of which a study measured one with enough seeds."""
    folder = tmp_path / 'configs' / 'some'
    folder.mkdir(parents=True)
    (tmp_path / 'model-index.yml').write_text('Import: [configs/some/metafile.yml]')
    (folder / 'metafile.yml').write_text(METAFILE)
    (folder / 'README.md').write_text('# Some\n[a](a.py), [page](../../docs/study.md), [s](../students/README.md)')
    results = tmp_path / 'docs' / 'results' / 'some'
    results.mkdir(parents=True)
    (results / 'results.json').write_text(json.dumps(dict(
        title='Study', metrics={'PCK': 'PCK@0.2'}, runs=[
            dict(name='mine', label='Mine', config='a.py'), dict(name='once', label='Once', config='b.py')],
        summary=dict(mine=dict(seeds=[0, 1, 2], PCK=dict(mean=0.5, std=0.01)),
                     once=dict(seeds=[0], PCK=dict(mean=0.5, std=None))))))
    return tmp_path


def rows(page):
    table = page.split('## Models and results')[1].splitlines()
    return {line.split('`')[1]: line.split(' | ') for line in table if line.startswith('| `')}


def test_every_model_of_every_metafile_has_a_row(zoo, tmp_path):
    zoo.write(tmp_path)
    for metafile in yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']:
        models = yaml.safe_load((ROOT / metafile).read_text())['Models']
        assert list(rows((tmp_path / f'{Path(metafile).parent.name}.md').read_text())) == [m['Config'] for m in models]


def test_row_tells_what_was_measured_and_where_it_is(zoo, repository):
    zoo.write(repository / 'zoo', repository)
    cells = rows((repository / 'zoo' / 'some.md').read_text())['configs/some/a.py']
    assert cells[1:5] == ['ResNet, SimDR', 'LSPET', 's', 't']
    assert cells[5].startswith('PCK@0.2 50.0 ± 1.0; "Mine" of "Study", 3 seeds, `docs/results/some/results.json`')


def test_cell_is_empty_where_nothing_was_measured_with_three_seeds(zoo, repository):
    zoo.write(repository / 'zoo', repository)
    assert rows((repository / 'zoo' / 'some.md').read_text())['configs/some/b.py'][5].strip(' |') == ''


def test_links_of_a_readme_lead_to_pages_or_become_words(zoo, repository):
    zoo.write(repository / 'zoo', repository)
    assert 'a, [page](../study.md), [s](students.md)' in (repository / 'zoo' / 'some.md').read_text()
