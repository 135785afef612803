"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const body = $("body"), controls = $("controls");
  if (!body || !controls) return;

  const rows = [...body.rows].map((tr, at) => {
    const cells = tr.cells;
    return {
      tr, at, file: tr.dataset.f, row: +cells[1].textContent.replace(/\D/g, ""),
      number: cells[2].textContent, purpose: cells[3].textContent,
      digits: cells[2].textContent.replace(/\D/g, ""), text: tr.textContent.toLowerCase(),
      rules: [...tr.querySelectorAll("b")].map((b) => b.textContent),
    };
  });
  const faulty = rows.filter((r) => r.rules.length).length;
  const size = +controls.dataset.size, printed = 200;
  const search = $("search"), rule = $("rule"), file = $("file"), range = $("range");
  const put = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const count = (n) => n.toLocaleString(document.documentElement.lang);
  let found = rows, page = 0, span = null, key = null, down = false;

  const keys = {
    1: (r) => r.row, 2: (r) => r.digits || r.number, 3: (r) => r.purpose.toLowerCase(), 4: (r) => r.rules[0] || "~",
  };
  const order = (a, b) => {
    if (key === null) return a.at - b.at;
    const x = keys[key] ? keys[key](a) : +a.file, y = keys[key] ? keys[key](b) : +b.file;
    return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1) || a.at - b.at;
  };
  const matches = (r) => {
    if (rule.value && !r.rules.includes(rule.value)) return false;
    if (file && file.value && r.file !== file.value) return false;
    if (span && (r.file !== span.f || r.row < span.a || r.row > span.z)) return false;
    const wanted = search.value.trim().toLowerCase();
    if (!wanted || r.text.includes(wanted)) return true;
    const digits = wanted.replace(/\D/g, "");
    return digits.length > 2 && !/[a-z]/.test(wanted) && r.digits.includes(digits);
  };

  const narrow = () => {
    found = rows.filter(matches).sort(order);
    page = 0;
    show();
  };
  const show = () => {
    const pages = Math.max(1, Math.ceil(found.length / size));
    page = Math.min(page, pages - 1);
    const here = found.slice(page * size, (page + 1) * size);
    body.replaceChildren(...here.map((r) => r.tr));
    $("found").textContent = put(controls.dataset.found, {
      n: count(found.filter((r) => r.rules.length).length), all: count(faulty),
    });
    $("page").textContent = put(controls.dataset.page, { n: count(page + 1), all: count(pages) });
    $("pages").hidden = pages < 2;
    $("before").disabled = page === 0;
    $("after").disabled = page === pages - 1;
    $("empty").hidden = found.length > 0;
    $("table").hidden = found.length === 0;
    range.hidden = !span;
    $("clear").disabled = !(search.value || rule.value || (file && file.value) || span);
    for (const on of document.querySelectorAll("rect.on")) on.classList.remove("on");
    if (span && span.rect) span.rect.classList.add("on");
  };
  const reset = () => {
    search.value = rule.value = "";
    if (file) file.value = "";
    span = null;
  };
  const goToRows = () => {
    $("rows").scrollIntoView();
    $("rows").focus({ preventScroll: true });
  };
  const choose = (f, a, z, rect, name) => {
    reset();
    span = { f, a: +a, z: +z, rect };
    range.textContent = put(controls.dataset.range, { file: name, start: count(+a), end: count(+z) }) + " ×";
    narrow();
    goToRows();
  };
  const names = [...document.querySelectorAll("figure.strip")].reduce((all, figure) => {
    all[figure.querySelector("svg").dataset.f] = figure.querySelector("figcaption code").textContent;
    return all;
  }, {});
  const jump = (id) => {
    const target = rows.find((r) => r.tr.id === id);
    if (!target) return;
    if (!found.includes(target)) { reset(); narrow(); }
    page = Math.floor(found.indexOf(target) / size);
    show();
    for (const r of rows) r.tr.classList.toggle("at", r === target);
    target.tr.tabIndex = -1;
    target.tr.scrollIntoView({ block: "center" });
    target.tr.focus({ preventScroll: true });
  };

  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("reset", () => setTimeout(() => { reset(); narrow(); search.focus(); }));
  search.addEventListener("input", narrow);
  rule.addEventListener("change", narrow);
  if (file) file.addEventListener("change", narrow);
  range.addEventListener("click", () => { span = null; narrow(); search.focus(); });
  $("before").addEventListener("click", () => { page -= 1; show(); goToRows(); });
  $("after").addEventListener("click", () => { page += 1; show(); goToRows(); });

  document.addEventListener("click", (event) => {
    const rect = event.target.closest("rect[data-a]");
    if (rect) {
      const f = rect.ownerSVGElement.dataset.f;
      choose(f, rect.dataset.a, rect.dataset.z, rect, names[f]);
      return;
    }
    const link = event.target.closest("a[href^='#']");
    if (!link) return;
    if (link.dataset.rule) {
      event.preventDefault();
      reset();
      rule.value = link.dataset.rule;
      narrow();
      goToRows();
    } else if (link.dataset.a) {
      event.preventDefault();
      const { f, a, z } = link.dataset;
      choose(f, a, z, document.querySelector(`svg[data-f="${f}"] rect[data-a="${a}"]`), names[f]);
    } else if (/^#r\d+-\d+$/.test(link.hash)) {
      event.preventDefault();
      jump(link.hash.slice(1));
    }
  });

  $("table").querySelectorAll("thead th").forEach((th, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = th.textContent;
    th.replaceChildren(button);
    button.addEventListener("click", () => {
      down = key === at && !down;
      key = at;
      for (const other of th.parentNode.cells) other.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", down ? "descending" : "ascending");
      narrow();
    });
  });

  addEventListener("beforeprint", () => {
    body.replaceChildren(...found.slice(0, printed).map((r) => r.tr));
    $("printed").textContent = found.length > printed ? put(controls.dataset.printed, { n: count(printed) }) : "";
  });
  addEventListener("afterprint", show);

  $("rows").tabIndex = -1;
  document.body.classList.add("live");
  controls.hidden = false;
  show();
  if (/^#r\d+-\d+$/.test(location.hash)) jump(location.hash.slice(1));
})();
(() => {
  const search = document.getElementById("find");
  if (!search) return;
  const rows = [...document.getElementById("submissions-body").rows];
  const texts = rows.map((tr) => tr.textContent.toLowerCase());
  const status = document.getElementById("finds");
  const narrow = () => {
    const wanted = search.value.trim().toLowerCase();
    let n = 0;
    rows.forEach((tr, at) => { n += !(tr.hidden = !texts[at].includes(wanted)); });
    status.textContent = status.dataset.found.replace("{n}", n).replace("{all}", rows.length);
  };
  search.addEventListener("input", narrow);
  search.closest("form").addEventListener("submit", (event) => event.preventDefault());
  search.closest("form").hidden = false;
})();
