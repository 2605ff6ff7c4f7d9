import cv2
import numpy as np
import pytest

from mmpose_kd.errors import ConfigError
from mmpose_kd.visualization.media import Source, open_output

RED = np.zeros((24, 32, 3), np.uint8)
RED[..., 0] = 255


def write_image(path, rgb=RED):
    cv2.imwrite(str(path), rgb[..., ::-1])
    return path


def write_video(path, frames=5):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (32, 24))
    for _ in range(frames):
        writer.write(np.ascontiguousarray(RED[..., ::-1]))
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path):
    images = tmp_path / 'images'
    images.mkdir()
    for name in ('b.png', 'a.png'):
        write_image(images / name)
    (images / 'notes.txt').write_text('no image')
    return images


def test_image_is_read_in_rgb(tmp_path):
    source = Source(write_image(tmp_path / 'a.png'))
    assert (source.kind, source.count) == ('image', 1)
    (name, image), = source
    assert name == 'a.png'
    assert (image == RED).all()


def test_folder_gives_its_images_by_name(folder):
    source = Source(folder)
    assert source.count == 2
    assert [name for name, _ in source] == ['a.png', 'b.png']


def test_damaged_image_of_a_folder_is_skipped_and_named(folder):
    (folder / 'c.jpg').write_bytes(b'no image')
    source = Source(folder)
    assert [name for name, _ in source] == ['a.png', 'b.png']
    assert source.skipped == ['c.jpg']


def test_video_gives_its_frames(tmp_path):
    source = Source(write_video(tmp_path / 'a.avi'))
    assert (source.kind, source.count, source.fps) == ('video', 5, 10)
    frames = list(source)
    assert [name for name, _ in frames] == ['0', '1', '2', '3', '4']
    assert abs(frames[0][1].astype(int) - RED).max() < 20  # it is compressed


def test_a_video_that_breaks_off_says_how_many_frames_there_were(tmp_path):
    content = write_video(tmp_path / 'a.avi', frames=40).read_bytes()
    (tmp_path / 'a.avi').write_bytes(content[:len(content) * 4 // 5])
    source = Source(tmp_path / 'a.avi')
    assert len(list(source)) == source.read < source.count == 40


@pytest.mark.parametrize('name, content, message', [
    ('absent.png', None, 'does not exist'),
    ('a.txt', b'text', 'neither an image'),
    ('a.mp4', b'no video', 'cannot be opened as a video'),
])
def test_file_that_cannot_be_a_source_is_named(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=f'{name}" .*{message}'):
        Source(tmp_path / name)


def test_damaged_image_is_named(tmp_path):
    (tmp_path / 'a.jpg').write_bytes(b'no image')
    with pytest.raises(ConfigError, match='a.jpg" cannot be read as an image'):
        list(Source(tmp_path / 'a.jpg'))


def test_folder_without_images_is_named(tmp_path):
    with pytest.raises(ConfigError, match='holds no image'):
        Source(tmp_path)


def test_folder_is_written_and_other_files_in_it_are_kept(folder, tmp_path):
    out = tmp_path / 'deep' / 'out'
    out.mkdir(parents=True)
    (out / 'other.txt').write_text('mine')
    source = Source(folder)
    with open_output(source, out) as output:
        for name, image in source:
            output.write(name, image)
        assert [path.name for path in out.iterdir()] == ['other.txt']  # nothing before the end
    assert sorted(path.name for path in out.iterdir()) == ['a.png', 'b.png', 'other.txt']
    assert list(tmp_path.rglob('*.part*')) == []


def test_a_folder_in_the_place_of_a_picture_is_refused(folder, tmp_path):
    (tmp_path / 'out' / 'b.png').mkdir(parents=True)
    with pytest.raises(ConfigError, match='b.png" is a folder'), open_output(Source(folder), tmp_path / 'out'):
        pass


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
def test_video_of_odd_size_can_be_read_back(suffix, tmp_path):
    source = Source(write_video(tmp_path / 'a.avi'))
    with open_output(source, tmp_path / f'out{suffix}') as output:
        for name, image in source:
            output.write(name, image[:23, :31])
    again = Source(tmp_path / f'out{suffix}')
    frames = [image for _, image in again]
    assert len(frames) == 5
    assert frames[0].shape == (24, 32, 3)
    assert again.fps == pytest.approx(10)


@pytest.mark.parametrize('kind', ['image', 'folder', 'video'])
def test_failure_leaves_what_was_there(kind, folder, tmp_path):
    path, out = dict(
        image=(folder / 'a.png', tmp_path / 'out.png'),
        folder=(folder, tmp_path / 'out'),
        video=(tmp_path / 'a.avi', tmp_path / 'out.mp4'))[kind]
    if kind == 'video':
        write_video(path)
    before = out / 'a.png' if kind == 'folder' else out
    before.parent.mkdir(exist_ok=True)
    before.write_text('before')

    def fail():
        source = Source(path)
        with open_output(source, out) as output:
            for name, image in source:
                output.write(name, image)
            raise RuntimeError('in the middle')

    with pytest.raises(RuntimeError):
        fail()
    assert before.read_text() == 'before'
    assert list(tmp_path.rglob('*.part*')) == []


def test_output_that_is_the_input_is_refused(folder):
    for path in (folder, folder / 'a.png'):
        with pytest.raises(ConfigError, match='the input itself'), open_output(Source(path), path):
            pass
    assert (cv2.imread(str(folder / 'a.png'))[..., ::-1] == RED).all()


def test_output_of_another_kind_is_refused(folder, tmp_path):
    with pytest.raises(ConfigError, match='ends in one of .bmp'), open_output(Source(folder / 'a.png'), tmp_path / 'x'):
        pass
    (tmp_path / 'file').write_text('mine')
    with pytest.raises(ConfigError, match='give a folder'), open_output(Source(folder), tmp_path / 'file'):
        pass
    assert (tmp_path / 'file').read_text() == 'mine'
