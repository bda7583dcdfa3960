"use strict";
// Sorts the tables of the report by a column, filters the stages by text, and links names to MLflow's runs.
(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") !== "descending";
      headings.forEach((one) => one.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const x = value(a, column), y = value(b, column);
        return (typeof x === "number" ? x - y : x.localeCompare(y, "en", { numeric: true })) * (down ? -1 : 1);
      });
      table.tBodies[0].append(...rows);
    }));
  }
  // An import replaces the keys of runs by their addresses. MLflow shows the report in a frame that opens no pages.
  if (window.parent === window) {
    for (const name of document.querySelectorAll('[data-run^="http"]')) {
      const link = document.createElement("a");
      [link.href, link.target, link.rel] = [name.dataset.run, "_blank", "noopener"];
      link.append(...name.childNodes);
      name.append(link);
    }
  }
  const search = document.getElementById("stage-search");
  search?.addEventListener("input", () => {
    const wanted = search.value.toLowerCase();
    for (const row of search.closest("section").querySelectorAll("tbody tr")) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
  });
})();
