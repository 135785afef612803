"use strict";
// The table of rows in a report: search, filters, sorting, pages, and links that lead to rows.
(() => {
  const $ = (id) => document.getElementById(id);
  const body = $("body"), controls = $("controls");
  if (!body || !controls) return;

  const rows = [...body.rows].map((tr, index) => {
    const cells = tr.cells;
    return {
      tr, index, file: tr.dataset.f, row: +cells[1].textContent.replace(/\D/g, ""),
      number: cells[2].textContent, purpose: cells[3].textContent,
      digits: cells[2].textContent.replace(/\D/g, ""), text: tr.textContent.toLowerCase(),
      rules: [...tr.querySelectorAll("b")].map((b) => b.textContent),
    };
  });
  const hasFindings = (r) => r.rules.length > 0;
  const findingRows = rows.filter(hasFindings).length;
  const pageSize = +controls.dataset.size, printLimit = 200;
  const search = $("search"), rule = $("rule"), file = $("file"), rangeButton = $("range");
  const fillIn = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const format = (n) => n.toLocaleString(document.documentElement.lang);
  let matching = rows, page = 0, range = null, sortColumn = null, descending = false;

  const sortKeys = {
    0: (r) => +r.file, 1: (r) => r.row, 2: (r) => r.digits || r.number, 3: (r) => r.purpose.toLowerCase(),
    4: (r) => r.rules[0] || "~",
  };
  const compare = (a, b) => {
    if (sortColumn === null) return a.index - b.index;
    const x = sortKeys[sortColumn](a), y = sortKeys[sortColumn](b);
    return (x < y ? -1 : x > y ? 1 : 0) * (descending ? -1 : 1) || a.index - b.index;
  };
  const matches = (r) => {
    if (rule.value && !r.rules.includes(rule.value)) return false;
    if (file && file.value && r.file !== file.value) return false;
    if (range && (r.file !== range.file || r.row < range.start || r.row > range.end)) return false;
    const wanted = search.value.trim().toLowerCase();
    if (!wanted || r.text.includes(wanted)) return true;
    const digits = wanted.replace(/\D/g, "");
    return digits.length > 2 && !/[a-z]/.test(wanted) && r.digits.includes(digits);
  };

  const applyFilters = () => {
    matching = rows.filter(matches).sort(compare);
    page = 0;
    showPage();
  };
  const showPage = () => {
    const pages = Math.max(1, Math.ceil(matching.length / pageSize));
    page = Math.min(page, pages - 1);
    const visible = matching.slice(page * pageSize, (page + 1) * pageSize);
    body.replaceChildren(...visible.map((r) => r.tr));
    $("found").textContent = fillIn(controls.dataset.found, {
      n: format(matching.filter(hasFindings).length), all: format(findingRows),
    });
    $("page").textContent = fillIn(controls.dataset.page, { n: format(page + 1), all: format(pages) });
    $("pages").hidden = pages < 2;
    $("before").disabled = page === 0;
    $("after").disabled = page === pages - 1;
    $("empty").hidden = matching.length > 0;
    $("table").hidden = matching.length === 0;
    rangeButton.hidden = !range;
    $("clear").disabled = !(search.value || rule.value || (file && file.value) || range);
    for (const rect of document.querySelectorAll("rect.on")) rect.classList.remove("on");
    if (range && range.rect) range.rect.classList.add("on");
  };
  const resetFilters = () => {
    search.value = rule.value = "";
    if (file) file.value = "";
    range = null;
  };
  const goToTable = () => {
    $("rows").scrollIntoView();
    $("rows").focus({ preventScroll: true });
  };
  const showRange = (fileId, start, end, rect) => {
    resetFilters();
    range = { file: fileId, start: +start, end: +end, rect };
    const values = { file: fileNames[fileId], start: format(range.start), end: format(range.end) };
    rangeButton.textContent = fillIn(controls.dataset.range, values) + " ×";
    applyFilters();
    goToTable();
  };
  const fileNames = {};
  for (const figure of document.querySelectorAll("figure.strip")) {
    fileNames[figure.querySelector("svg").dataset.f] = figure.querySelector("figcaption code").textContent;
  }
  const goToRow = (id) => {
    const target = rows.find((r) => r.tr.id === id);
    if (!target) return;
    if (!matching.includes(target)) { resetFilters(); applyFilters(); }
    page = Math.floor(matching.indexOf(target) / pageSize);
    showPage();
    for (const r of rows) r.tr.classList.toggle("at", r === target);
    target.tr.tabIndex = -1;
    target.tr.scrollIntoView({ block: "center" });
    target.tr.focus({ preventScroll: true });
  };

  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("reset", () => setTimeout(() => { resetFilters(); applyFilters(); search.focus(); }));
  search.addEventListener("input", applyFilters);
  rule.addEventListener("change", applyFilters);
  if (file) file.addEventListener("change", applyFilters);
  rangeButton.addEventListener("click", () => { range = null; applyFilters(); search.focus(); });
  $("before").addEventListener("click", () => { page -= 1; showPage(); goToTable(); });
  $("after").addEventListener("click", () => { page += 1; showPage(); goToTable(); });

  document.addEventListener("click", (event) => {
    const rect = event.target.closest("rect[data-a]");
    if (rect) {
      showRange(rect.ownerSVGElement.dataset.f, rect.dataset.a, rect.dataset.z, rect);
      return;
    }
    const link = event.target.closest("a[href^='#']");
    if (!link) return;
    if (link.dataset.rule) {
      event.preventDefault();
      resetFilters();
      rule.value = link.dataset.rule;
      applyFilters();
      goToTable();
    } else if (link.dataset.a) {
      event.preventDefault();
      const { f, a, z } = link.dataset;
      showRange(f, a, z, document.querySelector(`svg[data-f="${f}"] rect[data-a="${a}"]`));
    } else if (/^#r\d+-\d+$/.test(link.hash)) {
      event.preventDefault();
      goToRow(link.hash.slice(1));
    }
  });

  $("table").querySelectorAll("thead th").forEach((th, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = th.textContent;
    th.replaceChildren(button);
    button.addEventListener("click", () => {
      descending = sortColumn === column && !descending;
      sortColumn = column;
      for (const other of th.parentNode.cells) other.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", descending ? "descending" : "ascending");
      applyFilters();
    });
  });

  addEventListener("beforeprint", () => {
    body.replaceChildren(...matching.slice(0, printLimit).map((r) => r.tr));
    const isCut = matching.length > printLimit;
    $("printed").textContent = isCut ? fillIn(controls.dataset.printed, { n: format(printLimit) }) : "";
  });
  addEventListener("afterprint", showPage);

  $("rows").tabIndex = -1;
  document.body.classList.add("live");
  controls.hidden = false;
  showPage();
  if (/^#r\d+-\d+$/.test(location.hash)) goToRow(location.hash.slice(1));
})();
// The search on a business's index page.
(() => {
  const search = document.getElementById("find");
  if (!search) return;
  const rows = [...document.getElementById("submissions-body").rows];
  const texts = rows.map((tr) => tr.textContent.toLowerCase());
  const status = document.getElementById("finds");
  const applySearch = () => {
    const wanted = search.value.trim().toLowerCase();
    let count = 0;
    rows.forEach((tr, index) => { count += !(tr.hidden = !texts[index].includes(wanted)); });
    status.textContent = status.dataset.found.replace("{n}", count).replace("{all}", rows.length);
  };
  search.addEventListener("input", applySearch);
  search.closest("form").addEventListener("submit", (event) => event.preventDefault());
  search.closest("form").hidden = false;
})();
