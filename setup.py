"""Packaging: the wheel carries configs, tools and model-index.yml under ``mmpose_kd/.mim``, where ``mim`` looks."""
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import egg_info

ROOT = Path(__file__).resolve().parent
MIM = ('configs', 'tools', 'model-index.yml')


def read_version() -> str:
    namespace = {}
    exec((ROOT / 'mmpose_kd' / 'version.py').read_text(encoding='utf-8'), namespace)
    return namespace['__version__']


def read_requirements(name: str) -> list:
    lines = (ROOT / 'requirements' / name).read_text(encoding='utf-8').splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith(('#', '-'))]


def fill_mim(package: Path, link: bool) -> None:
    """Put what ``mim`` needs into ``package/.mim``: symbolic links for an editable install, copies for a wheel."""
    mim = package / '.mim'
    shutil.rmtree(mim, ignore_errors=True)
    mim.mkdir(parents=True)
    for name in MIM:
        source, target = ROOT / name, mim / name
        if link:
            target.symlink_to(source, target_is_directory=source.is_dir())
        elif source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
        else:
            shutil.copy2(source, target)


class BuildPy(build_py):
    """A wheel: ``pip install .`` and ``pip wheel .``."""

    def run(self) -> None:
        super().run()
        if not getattr(self, 'editable_mode', False):
            fill_mim(Path(self.build_lib) / 'mmpose_kd', link=False)


class EggInfo(egg_info):
    """An editable install: pip runs ``editable_wheel``, or ``develop`` where setuptools is older than 64.

    ``mim`` looks for a package beside its metadata, and then where the first line of ``top_level.txt`` points to from
    there. ``editable_wheel`` puts nothing but the metadata there, so that line has to be an absolute path.
    """

    def run(self) -> None:
        super().run()
        commands = self.distribution.commands
        if 'develop' in commands or 'editable_wheel' in commands:
            fill_mim(ROOT / 'mmpose_kd', link=True)
        if 'editable_wheel' in commands:
            top_level = Path(self.egg_info) / 'top_level.txt'
            top_level.write_text(f'{ROOT / "mmpose_kd"}\nmmpose_kd\n', encoding='utf-8')


setup(
    name='mmpose_kd',
    version=read_version(),
    description='Knowledge distillation for MMPose',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    author='The mmpose_kd contributors',
    keywords=['human pose estimation', 'knowledge distillation', 'mmpose'],
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3.9',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Typing :: Typed',
    ],
    python_requires='>=3.9',
    packages=find_packages(include=['mmpose_kd', 'mmpose_kd.*']),
    package_data={'mmpose_kd': ['py.typed', 'report/*.html', 'report/*.css', 'report/*.js']},
    zip_safe=False,
    # Empty on purpose: whoever installs this has an MMPose environment, and pip shall change nothing in it.
    install_requires=[],
    extras_require={name: read_requirements(f'{name}.txt')
                    for name in ('tests', 'vit', 'export', 'report', 'docs', 'dev')},
    cmdclass={'build_py': BuildPy, 'egg_info': EggInfo},
)
