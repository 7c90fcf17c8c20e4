"""Makes the font files in assets/fonts/noto: Noto faces cut down to the letters that names are written with. Every
file is made from a pinned source, so that a second run gives the same bytes. Needs npm, apt-get, dpkg-deb and
the PyPI package fonttools 4.68.0. Usage: make_fonts.py assets/fonts/noto"""

import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

# Script: version of its npm package, and the Unicode blocks that it takes.
SCRIPTS = {
    "Armenian": ("0.4.2", [(0x0530, 0x058F), (0xFB13, 0xFB17)]),
    "Bengali": ("0.4.4", [(0x0980, 0x09FF)]),
    "CanadianAboriginal": ("0.4.1", [(0x1400, 0x167F), (0x18B0, 0x18FF)]),
    "Cherokee": ("0.4.2", [(0x13A0, 0x13FF), (0xAB70, 0xABBF)]),
    "Devanagari": ("0.4.1", [(0x0900, 0x097F)]),
    "Ethiopic": ("0.4.2", [(0x1200, 0x139F)]),
    "Georgian": ("0.4.3", [(0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F)]),
    "Gujarati": ("0.4.2", [(0x0A80, 0x0AFF)]),
    "Gurmukhi": ("0.4.1", [(0x0A00, 0x0A7F)]),
    "Hebrew": ("0.4.1", [(0x0590, 0x05FF), (0xFB1D, 0xFB4F)]),
    "Kannada": ("0.4.3", [(0x0C80, 0x0CFF)]),
    "Khmer": ("0.4.3", [(0x1780, 0x17FF)]),
    "Lao": ("0.4.2", [(0x0E80, 0x0EFF)]),
    "Malayalam": ("0.4.2", [(0x0D00, 0x0D7F)]),
    "Myanmar": ("0.4.2", [(0x1000, 0x109F)]),
    "Tamil": ("0.4.3", [(0x0B80, 0x0BFF)]),
    "Telugu": ("0.4.2", [(0x0C00, 0x0C7F)]),
    "Thai": ("0.4.2", [(0x0E00, 0x0E7F)]),
}
WEIGHTS = {"Regular": "400Regular", "Bold": "700Bold"}
# Debian's release of 2020 has one glyph for each form of a letter. Later ones compose a letter of its stem and its dots,
# and PDF readers then copy the letters with spaces between them, or in the wrong order.
ARABIC_PACKAGE = "fonts-noto-core=20201225-1"
ARABIC_FILE = "usr/share/fonts/truetype/noto/NotoSansArabic-{}.ttf"
ARABIC_BLOCKS = [(0x0600, 0x06FF), (0x0750, 0x077F), (0x08A0, 0x08FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)]
# The space is also the glyph of what is invisible; the dandas are shared by the scripts of India; joiners steer the
# shape of the letters beside them; the dotted circle carries a mark that has no letter.
SHARED = [0x0020, 0x0964, 0x0965, 0x200C, 0x200D, 0x25CC]
CJK_PACKAGE = "fonts-noto-cjk=1:20220127+repack1-1"
# The forms of a character in China, Korea and Taiwan, and the assembly of Hangul; no vertical or half-width glyphs.
CJK_FEATURES = ["locl", "ccmp", "ljmo", "vjmo", "tjmo"]
CJK_FILE = "usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"


def run(*command, folder):
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def cut(font, letters, features, name, path):
    """Writes `font` with `letters` and every glyph that shaping them can need."""
    options = subset.Options()
    if features:
        options.layout_features = features
    options.hinting = False
    options.glyph_names = False
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.drop_tables += ["vhea", "vmtx", "VORG", "BASE", "DSIG", "STAT", "meta"]
    font.recalcTimestamp = False
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=letters)
    cutter.subset(font)
    font.save(path)
    print(f"{name}: {len(font.getGlyphOrder())} glyphs, {os.path.getsize(path)} bytes")


def npm_font(script, version, weight, folder):
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", script).lower()
    package = f"@expo-google-fonts/noto-sans-{words}@{version}"
    archive = run("npm", "pack", "--silent", package, folder=folder)
    path = f"package/{WEIGHTS[weight]}/NotoSans{script}_{WEIGHTS[weight]}.ttf"
    with tarfile.open(os.path.join(folder, archive)) as files:
        return TTFont(io.BytesIO(files.extractfile(path).read()))


def characters(codec, leads, trails):
    """The characters that two bytes of a national standard stand for."""
    found = set()
    for lead in leads:
        for trail in trails:
            try:
                found.update(bytes([lead, trail]).decode(codec))
            except UnicodeDecodeError:
                pass
    return {ord(c) for c in found if len(c) == 1 and ord(c) < 0xE000 or 0xF900 <= ord(c) < 0xFFF0}


def cjk_letters():
    """What names in China, Japan, Korea and Taiwan are written with: JIS X 0208 with the vendors' additions, among them
    髙 and 﨑 of family names; GB 2312; Big5, level 1; KS X 1001; and all syllables of Hangul."""
    standards = [
        characters("cp932", [*range(0x81, 0xA0), *range(0xE0, 0xFD)], range(0x40, 0xFD)),
        characters("gb2312", range(0xA1, 0xF8), range(0xA1, 0xFF)),
        characters("big5", range(0xA1, 0xC7), range(0x40, 0xFF)),
        characters("euc_kr", range(0xA1, 0xFE), range(0xA1, 0xFF)),
    ]
    is_cjk = lambda c: 0x2E80 <= c <= 0x9FFF or 0xAC00 <= c <= 0xD7A3 or 0xF900 <= c <= 0xFAFF or 0xFF00 <= c <= 0xFFEF
    return {c for c in set().union(*standards) if is_cjk(c)} | set(range(0xAC00, 0xD7A4)) | set(range(0x3000, 0x3130))


def debian_file(package, file, folder):
    run("apt-get", "download", "-qq", package, folder=folder)
    archive = next(entry for entry in os.listdir(folder) if entry.startswith(package.split("=")[0] + "_"))
    run("dpkg-deb", "-x", archive, "deb", folder=folder)
    return os.path.join(folder, "deb", file)


def letters_of(blocks):
    return [c for first, last in blocks for c in range(first, last + 1)] + SHARED


def main(target):
    with tempfile.TemporaryDirectory() as folder:
        for weight in WEIGHTS:
            font = TTFont(debian_file(ARABIC_PACKAGE, ARABIC_FILE.format(weight), folder))
            name = f"NotoSansArabic-{weight}.ttf"
            cut(font, letters_of(ARABIC_BLOCKS), None, name, os.path.join(target, name))
        for script, (version, blocks) in SCRIPTS.items():
            for weight in WEIGHTS:
                name = f"NotoSans{script}-{weight}.ttf"
                font = npm_font(script, version, weight, folder)
                cut(font, letters_of(blocks), None, name, os.path.join(target, name))
        name = "NotoSansCJK-Regular.otf"
        font = TTCollection(debian_file(CJK_PACKAGE, CJK_FILE, folder)).fonts[0]
        cut(font, cjk_letters(), CJK_FEATURES, name, os.path.join(target, name))


if __name__ == "__main__":
    main(sys.argv[1])
