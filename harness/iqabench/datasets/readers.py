"""Label files of the wild -> tables: CSV with any separator and decimal commas, plain text, JSON, xlsx, gzip."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from iqabench.datasets.tables import Row, Table, as_number, folded
from iqabench.errors import DatasetError
from iqabench.images import SUFFIXES
from iqabench.text import amount

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".json", ".jsonl", ".xlsx"})
_SEPARATORS = "\t;,|"
_HEADER_WITHIN = 20


def read_table(path: Path, *, header: Sequence[str] = ()) -> Table:
    """The file's table; of a workbook, the first sheet that holds the columns ``header``. Raises DatasetError."""
    tables = read_tables(path, header=header)
    if not tables:
        raise DatasetError(f"{path}: holds no rows.")
    return next((table for table in tables if all(table.find(name) for name in header)), tables[0])


def read_tables(path: Path, *, header: Sequence[str] = ()) -> list[Table]:
    """Every table in the file, by its ending. The header is the first row that holds all of ``header``, else the
    first row, unless that holds numbers and an image's name: then there is none. Raises DatasetError."""
    suffix = Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    if suffix == ".xlsx":
        return [table for name, rows in _sheets(path) if (table := _table(path, rows, header, name))]
    if suffix in (".json", ".jsonl"):
        return _from_json(path)
    found = _table(path, _split(path, _text(path)), header)
    return [found] if found else []


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if path.suffix.lower() == ".gz":
            raw = gzip.decompress(raw)
        return raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: is not UTF-8 text ({error.reason}).", hint="Save it as UTF-8.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}).") from error


def _split(path: Path, text: str) -> Iterable[tuple[int, list[str]]]:
    """Numbered lines as cells, separated by what the first line uses most: a tab, ; , | or else white space."""
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    if not first.count(separator) or (separator == "," and _is_decimal_comma(first)):
        return [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
    try:
        reader = csv.reader(lines, delimiter=separator, strict=True)
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise DatasetError(f"{path}, row {reader.line_num}: cannot be read as CSV ({error}).") from error


def _is_decimal_comma(line: str) -> bool:
    """Whether the commas of a line are all inside numbers between white space: ``5,51429 I01_01_1.bmp``."""
    words = [word for word in line.split() if "," in word]
    return len(line.split()) > 1 and all(as_number(word) is not None for word in words)


def _sheets(path: Path) -> list[tuple[str, list[tuple[int, list[str]]]]]:
    try:
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError:
        raise DatasetError(
            f"{path}: reading a workbook needs openpyxl.", hint="pip install 'iqabench[datasets]'"
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            return [
                (
                    sheet.title,
                    [(n, list(map(_cell, row))) for n, row in enumerate(sheet.iter_rows(values_only=True), 1)],
                )
                for sheet in book.worksheets
            ]
        finally:
            book.close()
    except (OSError, zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError) as error:
        raise DatasetError(f"{path}: cannot be read as a workbook ({error}).") from error


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _table(path: Path, rows: Iterable[tuple[int, list[str]]], header: Sequence[str], sheet: str = "") -> Table | None:
    filled = [(number, cells) for number, cells in rows if any(cell.strip() for cell in cells)]
    if not filled:
        return None
    start = _header_at([cells for _, cells in filled[:_HEADER_WITHIN]], header)
    if start is None:
        columns = [str(number) for number in range(1, max(len(cells) for _, cells in filled) + 1)]
        body = filled
    else:
        columns = [cell.strip() for cell in filled[start][1]]
        body = filled[start + 1 :]
    named = _distinct(columns)
    prefix = f"sheet {sheet}, row" if sheet else "row"
    return Table(
        file=path,
        columns=tuple(name for name in named if name),
        rows=[_row(path, f"{prefix} {number}", named, cells) for number, cells in body],
        sheet=sheet,
        headed=start is not None,
    )


def _header_at(rows: Sequence[Sequence[str]], header: Sequence[str]) -> int | None:
    wanted = {folded(name) for name in header}
    for position, cells in enumerate(rows):
        if wanted and wanted <= {folded(cell) for cell in cells}:
            return position
    first = [cell.strip() for cell in rows[0] if cell.strip()]
    numbers = [as_number(cell) is not None for cell in first]
    names_image = any(Path(cell).suffix.lower() in SUFFIXES for cell in first)
    return None if any(numbers) and (names_image or all(numbers)) else 0


def _distinct(columns: Sequence[str]) -> list[str]:
    """Columns with a number behind a name that came before; nameless ones (an index, padding) stay nameless."""
    named: list[str] = []
    for column in columns:
        again = named.count(column)
        named.append(f"{column} {again + 1}" if column and again else column)
    return named


def _row(path: Path, where: str, columns: Sequence[str], cells: Sequence[str]) -> Row:
    row = Row(path, where, dict(zip(columns, cells, strict=False)))
    if any(cell.strip() for cell in cells[len(columns) :]):
        raise row.error(f"has {len(cells)} cells for {amount(len(columns), 'column')}")
    return row


def _from_json(path: Path) -> list[Table]:
    """Objects as rows: in a list, one behind the other (``}{`` or one a line), under a key, or by image name."""
    records = _records(_documents(path, _text(path)))
    rows = [
        Row(path, f"record {number}", {str(key): _json_cell(value) for key, value in _flat(record).items()})
        for number, record in enumerate(records, 1)
    ]
    columns = dict.fromkeys(column for row in rows for column in row.cells)
    return [Table(file=path, columns=tuple(columns), rows=rows)] if rows else []


def _documents(path: Path, text: str) -> list[Any]:
    decoder, found, position = json.JSONDecoder(), [], 0
    while (position := _next(text, position)) < len(text):
        try:
            document, position = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError) as error:
            line = text.count("\n", 0, position) + 1
            raise DatasetError(f"{path}, line {line}: cannot be read as JSON ({error}).") from error
        found.append(document)
    return found


def _next(text: str, position: int) -> int:
    while position < len(text) and (text[position].isspace() or text[position] == ","):
        position += 1
    return position


def _records(documents: Sequence[Any]) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for document in documents:
        if isinstance(document, list):
            records += _records(document)
        elif isinstance(document, dict):
            values = list(document.values())
            if values and all(isinstance(value, dict) for value in values):
                records += [{"name": key, **value} for key, value in document.items()]
            elif any(isinstance(value, list) and value and isinstance(value[0], dict) for value in values):
                records += _records([value for value in values if isinstance(value, list)])
            elif len(values) > 1 and all(isinstance(value, int | float) for value in values):
                records += [{"name": key, "mos": value} for key, value in document.items()]
            else:
                records.append(document)
    return records


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """A list of votes becomes one column a vote: ``score1``, ``score2``..."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, list):
            flat.update({f"{key.rstrip('s')}{number}": entry for number, entry in enumerate(value, 1)})
        else:
            flat[key] = value
    return flat


def _json_cell(value: object) -> str:
    return "" if value is None else str(value)
