"""Files of every format, and how they are spoilt."""

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pyarrow
import safetensors.numpy
from data.files import as_table, table
from PIL import Image
from pyarrow import parquet

ROWS, LABELS = table()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy_header(shape, dtype="<f8", content=b"\0" * 64, version=1, fortran=False):
    """A .npy whose header says what the content may not keep."""
    header = repr({"descr": dtype, "fortran_order": fortran, "shape": shape}).encode("latin1")
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + content


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def zipped(members, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def bomb(size, method, shape, dtype="|u1"):
    """A .npz whose X is `size` zero bytes, packed to next to nothing."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method, compresslevel=9) as archive:
        with archive.open("X.npy", "w", force_zip64=True) as member:
            member.write(npy_header(shape, dtype, b""))
            for _ in range(size >> 20):
                member.write(bytes(1 << 20))
        archive.writestr("Y.npy", npy(np.arange(4) % 2))
    return file.getvalue()


def hdf5(make, *arguments):
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        make(opened, *arguments)
    return file.getvalue()


def plain_hdf5(file):
    file["X"], file["Y"] = ROWS, LABELS.astype("S")


def packed_hdf5(file):
    file.create_dataset("g/X", data=ROWS, chunks=(4, 3), compression="gzip", shuffle=True)
    file.create_dataset("Y", data=list(LABELS), dtype=h5py.string_dtype())
    file["Y"].attrs["meaning"] = "a class"


def parquet_of(rows=ROWS, labels=LABELS, **settings):
    file = io.BytesIO()
    parquet.write_table(as_table(rows, labels), file, **settings)
    return file.getvalue()


def arrow_of(open_=pyarrow.ipc.new_file, labels=LABELS, **settings):
    file, content = io.BytesIO(), as_table(ROWS, labels)
    with open_(file, content.schema, options=pyarrow.ipc.IpcWriteOptions(**settings)) as writer:
        writer.write_table(content, max_chunksize=5)
    return file.getvalue()


def picture(kind, size=(9, 7), mode="RGB", **settings):
    file = io.BytesIO()
    pixels = np.arange(size[0] * size[1] * 3, dtype=np.uint8).reshape(size[1], size[0], 3)
    Image.fromarray(pixels).convert(mode).save(file, kind, **settings)
    return file.getvalue()


def png_bomb(width, height, lines=0):
    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = zlib.compress(bytes((3 * min(width, 10**6) + 1) * lines), 9)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", content), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


CSV = b"x0,x1,x2,label\n" + b"".join(
    f"{a},{b},{c},{label}\n".encode() for (a, b, c), label in zip(ROWS, LABELS, strict=True)
)
SVM = b"".join(
    f"{int(label == 'yes')} 1:{a} 3:{c}\n".encode()
    for (a, _, c), label in zip(ROWS, LABELS, strict=True)
)


def npz(method=zipfile.ZIP_DEFLATED):
    return zipped({"X.npy": npy(ROWS), "Y.npy": npy(LABELS)}, method)


# Whole files: suffix, content. A .npy stands beside its labels.
WHOLE = [
    (".csv", CSV),
    (".csv", b"\xef\xbb\xbf" + CSV.replace(b"\n", b"\r\n").replace(b"yes", b'"y,\ns"')),
    (".parquet", parquet_of()),
    (".parquet", parquet_of(compression="gzip", use_dictionary=False, row_group_size=5)),
    (".parquet", parquet_of(compression="zstd", data_page_version="2.0", write_page_index=True)),
    (".npz", npz()),
    (".npz", npz(zipfile.ZIP_STORED)),
    (".npy", npy(ROWS)),
    ("_labels.npy", npy(LABELS)),
    (".h5", hdf5(plain_hdf5)),
    (".h5", hdf5(packed_hdf5)),
    (".svm", SVM),
    (".png", picture("PNG")),
    (".png", picture("PNG", mode="P", optimize=True)),
    (".jpg", picture("JPEG", (33, 40))),
    (".jpg", picture("JPEG", (33, 40), progressive=True)),
    (".gif", picture("GIF")),
    (".tif", picture("TIFF", compression="tiff_deflate")),
    (".tif", picture("TIFF", compression="tiff_lzw")),
    (".bmp", picture("BMP")),
    (".webp", picture("WEBP")),
]
# Arrow files, whole and as streams.
ARROW = [
    (".arrow", arrow_of()),
    (".arrow", arrow_of(pyarrow.ipc.new_stream)),
    (".feather", arrow_of(compression="lz4")),
    (".feather", arrow_of(labels=pyarrow.array(LABELS).dictionary_encode())),
]
MARKS = [bytes(4), b"\xff" * 4, b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\n", b'"', b",", b"\0", b"e9"]


def spoil(rng, content):
    """The bytes cut, flipped, inserted, doubled or left out, once to four times."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content) + 1)
        how = rng.randrange(7)
        if how == 0:
            content = content[:at]
        elif how == 1:
            content = content[:at] + content[at + rng.randint(1, 40) :]
        elif how == 2:
            content = content[:at] + rng.randbytes(rng.randint(1, 40)) + content[at:]
        elif how == 3:
            content = content[:at] + content[at : at + 100] * 2 + content[at + 100 :]
        elif how == 4:
            mark = rng.choice(MARKS)
            content = content[:at] + mark + content[at + len(mark) :]
        elif content:
            changed = bytearray(content)
            for _ in range(rng.choice([1, 1, 2, 8])):
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            content = bytes(changed)
    return content


SIZES = [
    0,
    1,
    3,
    12,
    -1,
    2**31,
    2**32,
    10**9,
    10**10,
    10**12,
    2**62,
    2**63,
    10**40,
    True,
    None,
    1.5,
]
DTYPES = [
    *("<f8", "|u1", "<U4", "|S0", "|O", "<M8[s]", "<c16", ">f4", "<f2", "|b1", "|V8", "<g16"),
    *("<U1000000000", [("a", "<f8"), ("b", "|O")], [("a", "<f8", (10**9,))], "(1000000000,)f8", 7),
]


def lying_npy(rng, _):
    shape = tuple(rng.choice(SIZES) for _ in range(rng.choice([0, 1, 2, 2, 2, 3, 40])))
    content = rng.choice([b"", b"\0" * 64, b"\xff" * 96, ROWS.tobytes()])
    header = npy_header(
        shape, rng.choice(DTYPES), content, rng.choice([1, 2, 3]), rng.random() < 0.3
    )
    suffix = rng.choice([".npy", "_labels.npy", ".npz"])
    if suffix == ".npz":
        name = rng.choice(["X.npy", "Y.npy"])
        return suffix, zipped({"X.npy": npy(ROWS), "Y.npy": npy(LABELS), name: header})
    return suffix, header


def odd_header(rng, _):
    texts = ["(" * 4000, "-" * 9000, "{" * 900, "'" * 77, "[" * 200 + "]" * 200, "9" * 6000, "\\x"]
    header = rng.choice(texts).encode() + b"\n"
    size = rng.choice([len(header), 2**16 - 1, 0])
    return ".npy", b"\x93NUMPY\x01\0" + struct.pack("<H", size) + header + bytes(99)


def pickled(rng, folder):
    danger = Touch(folder / "executed")
    objects = np.array([danger, danger], object)
    raw = pickle.dumps(danger)
    how = rng.randrange(6)
    if how == 0:
        return ".npy", npy(objects)
    if how == 1:
        return rng.choice([".npy", ".npz", ".csv", ".h5", ".png", ".parquet", ".svm"]), raw
    if how == 2:
        return "_labels.npy", npy(objects)
    if how == 3:
        return ".npz", zipped({"X.npy": npy(ROWS), "Y.npy": npy(objects)})
    if how == 4:
        return ".npz", zipped({"X.npy": raw, "Y.npy": npy(LABELS)})
    structured = np.array([(1.0, danger)], [("a", "<f8"), ("b", "O")])
    return ".npz", zipped({"X.npy": npy(structured), "Y": raw})


def zip_bomb(rng, _):
    method = rng.choice([zipfile.ZIP_DEFLATED] * 3 + [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    size = 1 << (rng.choice([22, 24]) if method == zipfile.ZIP_DEFLATED else 22)
    shape = rng.choice(
        [(4, size // 4), (size // 4, 4), (10**12, 3), (4, 10**9), (3, 2**33), (4, 7)]
    )
    content = bytearray(bomb(size, method, shape))
    if rng.random() < 0.5:
        # The directory's own words on the sizes of what it holds.
        at = content.rfind(b"PK\x01\x02", 0, content.rfind(b"PK\x01\x02"))
        content[at + 20 + 4 * rng.randrange(2) :][:4] = rng.choice(MARKS[:2])
        content[at + 24 : at + 28] = rng.choice([b"\xff\xff\xff\x7f", b"\0\0\0\xf0"])
    return ".npz", bytes(content)


def odd_zip(rng, _):
    members = {"X.npy": npy(ROWS), "Y.npy": npy(LABELS)}
    odd = [
        lambda: zipped({**members, **{f"a{i}.npy": b"" for i in range(3000)}}),
        lambda: zipped({"X.npy": b"", "Y.npy": b""}),
        lambda: zipped({"../X.npy": npy(ROWS), "/Y.npy": npy(LABELS)}),
        lambda: zipped({"X": npy(ROWS), "Y.npy": npy(LABELS)}),
        lambda: zipped({"X" * 60000 + ".npy": npy(ROWS), "Y\n.npy": npy(LABELS)}),
        lambda: zipped({"X.npy": npz(), "Y.npy": npz()}),
        lambda: npy(ROWS),
        lambda: zipped({}),
    ]
    return ".npz", rng.choice(odd)()


def odd_hdf5(rng, folder):
    def huge(file):
        shape = rng.choice([(10**9, 3), (3, 10**9), (0, 10**12), (10**6, 10**6), (2**40, 2**20)])
        kind = rng.choice(["f8", "u1"])
        file.create_dataset(
            "X", shape, kind, chunks=tuple(min(max(n, 1), 3) for n in shape), maxshape=(None, None)
        )
        file["Y"] = np.arange(3)

    def huge_labels(file):
        file["X"] = ROWS
        file.create_dataset("Y", (10**8,), rng.choice(["S1000", "f8", "u1"]), chunks=(1000,))

    def links(file):
        file["X"] = h5py.ExternalLink(rng.choice(["/dev/zero", str(folder / "fifo.csv")]), "/X")
        file["Y"] = h5py.SoftLink(rng.choice(["/Y", "/X", "/nothing"]))
        file["g"] = h5py.SoftLink("/")

    def outside(file):
        name = rng.choice(["/dev/zero", str(folder / "fifo.csv"), "/etc/hostname"])
        file.create_dataset("X", (12, 3), "f8", external=[(name, 0, h5py.h5f.UNLIMITED)])
        file["Y"] = np.arange(12)

    def virtual(file):
        layout = h5py.VirtualLayout((12, 3), "f8")
        name = rng.choice(["/dev/zero", ".", str(folder / "fifo.csv")])
        layout[:] = h5py.VirtualSource(name, "Z", (12, 3))
        file.create_virtual_dataset("X", layout)
        file["Z"], file["Y"] = ROWS, np.arange(12)

    def kinds(file):
        kind = rng.choice([h5py.ref_dtype, h5py.vlen_dtype("f8"), "c16", "S3", [("a", "f8")], "f2"])
        file.create_dataset("X", (12, 3), kind)
        kind = rng.choice([h5py.ref_dtype, h5py.vlen_dtype("u1"), "c16", "S3", [("a", "f8")], "f2"])
        file.create_dataset("Y", (12,), kind)

    def shapes(file):
        file["X"] = rng.choice([1.5, h5py.Empty("f8"), np.zeros((2, 2, 2, 2)), np.zeros((12, 0))])
        file["Y"] = rng.choice([h5py.Empty("f8"), "text", np.zeros((2, 2)), np.float64(3)])

    def loop(file):
        file["g/X"], file["Y"] = ROWS, LABELS.astype("S")
        file["g/again"] = file["g"]
        file["X" * 3000] = 1

    def bomb(file):
        size = rng.choice([10**5, 10**6])
        file.create_dataset(
            "X", (size, 3), "u1", chunks=(10**5, 3), compression="gzip", fillvalue=1
        )
        file.create_dataset("Y", data=np.zeros(size, "u1"), chunks=(10**5,), compression="gzip")

    makes = [huge, huge_labels, links, outside, virtual, kinds, shapes, loop, bomb]
    return ".h5", hdf5(rng.choice(makes))


def odd_csv(rng, _):
    texts = [
        lambda: b"a,label\n" + b"1" * 5_000_000,
        lambda: b"a" * 5_000_000,
        lambda: b'a,label\n"' + b"x\n" * 2_000_000,
        lambda: b"," * 20_000 + b"\n" + b"," * 20_000,
        lambda: b"a,label\n" + b"1,2\n" * 5 + b"1,2,3\n",
        lambda: CSV.decode().encode(rng.choice(["utf-16", "utf-32", "utf-16-le"])),
        lambda: CSV.replace(b"yes", b"y\0s").replace(b"0", b"\0", 1),
        lambda: CSV.replace(b"no", bytes([rng.randrange(128, 256)]) * 3),
        lambda: b"a,label\n1," + b"y" * 1_000_000 + b"\n" + b"2,n\n" * 3000,
        lambda: CSV.replace(b"yes", b"9" * 400).replace(b"no", b"1e400"),
        lambda: b"a,label\n" + b"".join(b"%d,%d\n" % (i, i // 2) for i in range(60_000)),
        lambda: CSV.replace(b".", rng.choice([b"\n", b",", b'"', b"\r", b"e", b"\xef\xbb\xbf"])),
        lambda: b"\n" * 3_000_000 + CSV,
        lambda: gzip.compress(CSV),
        lambda: b"x0,label\n1e308,1\n-1e308,0\n1e308,1\n-1e308,0\n",
        lambda: b"x0,label\n2020-01-01,1\ntrue,0\n99999999999999999999,1\n0x1p3,0\n",
    ]
    return ".csv", rng.choice(texts)()


def odd_parquet(rng, _):
    def wild():
        content = parquet_of()
        size = int.from_bytes(content[-8:-4], "little")
        footer = bytearray(content[-8 - size : -8])
        for _ in range(rng.randint(1, 3)):
            # Numbers are varints: their last byte is below 128.
            at = rng.randrange(len(footer))
            wide = rng.choice([b"\xff\xff\xff\xff\x7f", b"\xfe\xff\xff\xff\xff\xff\xff\x7f"])
            footer[at : at + 1] = wide
        length = rng.choice([len(footer), len(footer), 2**31, 2**32 - 1, 0])
        return content[: -8 - size] + footer + struct.pack("<I", length) + b"PAR1"

    def columns():
        file, kind = io.BytesIO(), rng.randrange(4)
        values = [
            pyarrow.array([[1.0, 2.0]] * 4),
            pyarrow.array([{"a": 1}] * 4),
            pyarrow.array(["x" * 1_000_000] * 4).dictionary_encode(),
            pyarrow.nulls(4),
        ][kind]
        names = {"x0": values, "label": pyarrow.array([0, 1, 0, 1])}
        if rng.random() < 0.5:
            names = dict(zip(names, reversed(names.values()), strict=True))
        parquet.write_table(pyarrow.table(names), file)
        return file.getvalue()

    def repeated():
        file = io.BytesIO()
        # A long text kept once and named often.
        text = pyarrow.array(["y" * 2_000_000, "n"])
        codes = pyarrow.array(np.arange(20_000) % 2, pyarrow.int8())
        labels = pyarrow.DictionaryArray.from_arrays(codes, text)
        names = {"x0": np.arange(20_000.0), "label": labels}
        parquet.write_table(pyarrow.table(names), file, compression="zstd")
        return file.getvalue()

    def constant():
        file, rows = io.BytesIO(), 500_000
        parquet.write_table(pyarrow.table({f"x{i}": np.zeros(rows) for i in range(3)}), file)
        return file.getvalue()

    return ".parquet", rng.choice([wild, wild, wild, wild, columns, columns, repeated, constant])()


def odd_svm(rng, _):
    lines = [
        *(b"1 1:1e400\n0 1:nan\n", b"1 2147483647:1\n0 1:2\n", b"1 4294967297:1\n0 1:2\n"),
        *(b"1 99999999999999999999:1\n0 1:2\n", b"1 -1:2\n", b"1 1:1 1:2\n0 3:1 2:1\n", b"1 1\n"),
        *(
            b"1,0,2 1:3\n",
            b"1 qid:3 1:2\n0 qid:4 1:3\n",
            b"1:2 3\n",
            b"# nothing\n",
            b"1 1:" * 99999,
        ),
        *(
            b"1 1:2\0 3:4\n",
            b"1 300000000:1\n0 1:2\n",
            b"1 1:" + b"9" * 10**6 + b"\n",
            b"nan 1:2\n",
        ),
        *(b"1e400 1:2\n0 1:3\n", b"\xff\xfe1 1:2\n", b" \n" * 10**6, b"1 :2\n", b"1 1:0x10\n"),
    ]
    return ".svm", rng.choice(lines)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 7\n%%EndComments\nshowpage\n%%EOF\n"


def odd_picture(rng, _):
    pictures = [
        lambda: png_bomb(*rng.choice([(60000, 60000), (2**31 - 1, 1), (30000, 30000), (0, 0)])),
        lambda: png_bomb(4000, 4000, rng.choice([1, 4000])),
        lambda: png_bomb(9, 7, rng.choice([0, 3, 7, 2_000_000])),
        lambda: EPS,
        lambda: picture(rng.choice(["PPM", "TGA", "ICO", "PCX", "PDF", "JPEG2000"])),
        lambda: b"RIFF\xff\xff\xff\xffWEBPVP8L" + b"\xff" * 40,
    ]
    return ".png", rng.choice(pictures)()


ODD = [
    *(lying_npy, lying_npy, odd_header, pickled, zip_bomb, odd_zip, odd_hdf5, odd_hdf5),
    *(odd_csv, odd_csv, odd_parquet, odd_parquet, odd_svm, odd_picture),
]


def make(rng, folder):
    """The suffix and the content of a data file."""
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(ODD)(rng, folder)
    if kind < 0.45:
        suffix, content = rng.choice(ARROW)
        return suffix, spoil(rng, content)
    suffix, content = rng.choice(WHOLE)
    return suffix, spoil(rng, content)


def header_of(content):
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def with_header(header, rest):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + rest


JSON = [
    *(
        "",
        "null",
        "3",
        "[" * 5000,
        "[" * 99999 + "]" * 99999,
        '{"a":' * 5000,
        '"a"',
        "[]",
        "{}",
        "NaN",
    ),
    *("9" * 5000, '["a"]', '["a", "b", "c"]', "[1, 1]", "[1e999, 2]", "[true, 1]", "[[1], [2]]"),
    *('{"mean": [NaN, 0, 0], "scale": [1, 1, 1]}', '{"mean": [0, 0, 0], "scale": [0, 1, 1]}'),
    *('{"mean": [0, 0, 0], "scale": [1, -Infinity, 1]}', '{"mean": [], "scale": []}', "[10, 2e20]"),
    *('{"x": "../*", "pixels": 1000000000}', '{"weights": "w"}', '["\\ud800", "b"]', "binomial"),
    *(
        f"[{10**30}, 2]",
        '"multinomial"',
        '{"__class__": 1}',
        '["a\\nb", "c"]',
        '["x0", "x0", "x0"]',
    ),
]


def odd_tensors(rng, content):
    """A safetensors file of other words, shapes or types."""
    header, rest = header_of(content)
    texts, names = header["__metadata__"], [name for name in header if name != "__metadata__"]
    how = rng.randrange(5)
    if how == 0:
        texts[rng.choice([*texts, "more"])] = rng.choice(JSON)
    elif how == 1:
        header.pop(rng.choice([*names, "__metadata__"]))
    elif how == 2:
        one = header[rng.choice(names)]
        one["shape"] = [rng.choice([0, 1, 3, 2**63, 2**40, -1]) for _ in range(rng.randrange(4))]
    elif how == 3:
        one = header[rng.choice(names)]
        one["dtype"] = rng.choice(["F64", "I32", "BF16", "F16", "BOOL", "U8", "F8_E4M3", "X"])
        if rng.random() < 0.5:
            one["data_offsets"] = [rng.choice([0, 8, -1, 2**63]), rng.choice([0, 8, 2**64])]
    else:
        return with_header(rng.choice(JSON).encode(), rest)
    return with_header(header, rest)


def retyped(rng, content):
    """A safetensors file whose tensors are of another type or shape, or hold no numbers."""
    texts = header_of(content)[0]["__metadata__"]
    arrays = safetensors.numpy.load(content)
    name = rng.choice(list(arrays))
    old = np.array(arrays[name])
    new = rng.choice(
        [
            lambda: old.astype(rng.choice(["f8", "f2", "i4", "?", "u1"])),
            lambda: old.ravel(),
            lambda: np.full_like(old, np.nan) if old.dtype.kind == "f" else old + 1,
            lambda: old.ravel()[:0],
            lambda: np.full(old.shape, 10**9, old.dtype),
            lambda: np.full_like(old, -1),
        ]
    )()
    return safetensors.numpy.save({**arrays, name: np.asarray(new)}, texts)
