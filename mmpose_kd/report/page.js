'use strict';

function keyOf(row, column) {
  const cell = row.cells[column];
  const value = cell.dataset.value;
  return value === undefined ? cell.textContent.trim() : Number(value);
}

function compare(a, b) {
  const numbers = typeof a === 'number' && typeof b === 'number';
  return numbers ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}

// cells without a value come last in both directions; a number comes before a text
function sortBy(header) {
  const column = header.cellIndex;
  const body = header.closest('table').tBodies[0];
  const direction = header.getAttribute('aria-sort') === 'descending' ? 1 : -1;
  const rows = Array.from(body.rows, (row) => ({ row, key: keyOf(row, column) }));
  const hasNumbers = rows.some((entry) => typeof entry.key === 'number');
  const isLast = (entry) => entry.key === '' || (hasNumbers && typeof entry.key !== 'number');
  rows.sort((a, b) => isLast(a) - isLast(b) || direction * compare(a.key, b.key));
  for (const other of header.parentNode.cells) other.removeAttribute('aria-sort');
  header.setAttribute('aria-sort', direction > 0 ? 'ascending' : 'descending');
  body.append(...rows.map((entry) => entry.row));
}

// the whole cell of a heading, not its words alone; a key pressed on the button arrives here as a click too
for (const button of document.querySelectorAll('th button')) {
  const header = button.closest('th');
  header.addEventListener('click', () => sortBy(header));
}

const dialog = document.querySelector('dialog');
for (const picture of document.querySelectorAll('.picture')) {
  picture.addEventListener('click', () => {
    dialog.querySelector('img').src = picture.querySelector('img').src;
    dialog.querySelector('img').alt = picture.querySelector('img').alt;
    dialog.querySelector('p').textContent = picture.querySelector('img').alt;
    dialog.showModal();
  });
}
dialog.addEventListener('click', () => dialog.close());
