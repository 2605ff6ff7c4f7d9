"""The picture of a report in the README: python docs/report_picture.py report.html docs/images/report.png"""
import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH = 1100
PARTS = (('body', '#joints'), ('#changes', '#changes ~ details h3 >> nth=1'))  # each from an element to before another


def main(page: str, picture: str) -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which('chromium'))
        window = browser.new_page(viewport=dict(width=WIDTH, height=800))
        window.goto(Path(page).resolve().as_uri())
        pieces = []
        for begin, end in PARTS:
            top, bottom = (window.locator(place).first.bounding_box()['y'] for place in (begin, end))
            clip = dict(x=0, y=top, width=WIDTH, height=bottom - top)
            pieces.append(Image.open(io.BytesIO(window.screenshot(full_page=True, clip=clip))).convert('RGB'))
        browser.close()
    whole = Image.new('RGB', (WIDTH, sum(piece.height for piece in pieces)), 'white')
    for i, piece in enumerate(pieces):
        whole.paste(piece, (0, sum(earlier.height for earlier in pieces[:i])))
    whole.quantize(200, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == '__main__':
    main(*sys.argv[1:]) if len(sys.argv) == 3 else sys.exit(__doc__)
