// Tables whose headings are buttons: numbers start with the highest, labels with A. What has no number comes last.
function sortBy(table, column) {
  const heading = table.tHead.rows[0].cells[column];
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const numeric = rows.some((row) => row.cells[column].dataset.v !== undefined);
  const value = (row) => {
    const cell = row.cells[column];
    return numeric ? Number(cell.dataset.v ?? NaN) : cell.textContent;
  };
  const [first, second] = numeric ? ["descending", "ascending"] : ["ascending", "descending"];
  const direction = heading.getAttribute("aria-sort") === first ? second : first;
  const sign = direction === "ascending" ? 1 : -1;
  rows.sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (!numeric) return sign * String(x).localeCompare(String(y), undefined, { numeric: true });
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return sign * (x - y);
  });
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", direction);
  for (const row of rows) row.classList.remove("section");
  body.append(...rows);
}

function makeSortable() {
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      cell.firstElementChild.addEventListener("click", () => sortBy(table, column));
    });
  }
}
