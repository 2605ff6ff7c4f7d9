"""Files that are written whole or not at all."""
import pytest

from mmpose_kd.files import whole


def test_a_file_is_there_when_all_is_written(tmp_path):
    file = tmp_path / 'plot.png'
    with whole(file) as part:
        part.write_text('new')
        assert part.suffix == '.png'  # by which other packages know the format
        assert not file.exists()
    assert file.read_text() == 'new'
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_what_is_not_written_to_the_end_leaves_the_old_file_and_nothing_else(error, tmp_path):
    file = tmp_path / 'results.json'
    file.write_text('old')
    with pytest.raises(error), whole(file) as part:
        part.write_text('ne')
        raise error
    assert file.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [file]


def test_two_that_write_one_file_do_not_disturb_each_other(tmp_path):
    file = tmp_path / 'a.json'
    with whole(file) as mine:
        mine.write_text('mine')
        with whole(file) as theirs:  # on another machine, whose process may have this one's number
            theirs.write_text('theirs')
        assert file.read_text() == 'theirs'
    assert file.read_text() == 'mine'
    assert list(tmp_path.iterdir()) == [file]
