// The list of alerts: its fields answer while one types, groups open in place, and what is selected is acted on.
document.addEventListener("DOMContentLoaded", () => {
  "use strict";

  const region = document.getElementById("alerts-live");
  const fields = document.getElementById("alerts-fields");
  const bar = document.getElementById("alerts-bar");
  const told = document.getElementById("alerts-told");
  let isEverything = false;

  // --- the address, which says all that is shown ---------------------------------------------
  function go(query) {
    history.replaceState(null, "", query);
    return window.portalLive.refresh();
  }

  function ask() {
    const given = [...new FormData(fields)].filter(([, value]) => value);
    selectNothing();
    return go(`?${new URLSearchParams(given)}`);
  }

  let waiting;
  fields.addEventListener("input", ({ target }) => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, target.matches("select") ? 0 : 300);
  });
  fields.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    ask();
  });

  const quoted = (value) => `"${value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`;

  region.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const stay = event.target.closest("a[data-stay]");
    if (stay) {
      event.preventDefault();
      go(stay.getAttribute("href"));
      return;
    }
    const label = event.target.closest("a[data-label]");
    if (!label) return;
    event.preventDefault();
    const matcher = `${label.dataset.label}=${quoted(label.dataset.value)}`;
    const typed = fields.elements.filter.value.trim().replace(/,\s*$/, "");
    if (!typed.includes(matcher)) fields.elements.filter.value = typed ? `${typed}, ${matcher}` : matcher;
    ask();
  });

  // --- the title of the tab -------------------------------------------------------------------
  const title = document.title;
  function count() {
    const firing = Number(document.getElementById("alerts-counts")?.dataset.firing || 0);
    document.title = firing ? `(${firing}) ${title}` : title;
  }
  count();

  // --- the selection --------------------------------------------------------------------------
  const ticked = (selector) => [...region.querySelectorAll(`${selector}:checked`)];

  function selectNothing() {
    isEverything = false;
    for (const box of ticked(".alerts-check")) box.checked = false;
    show();
  }

  function show() {
    if (!bar) return;
    const rows = ticked("[data-select]").filter((box) => !box.closest(".alerts-group")?.querySelector("[data-select-group]")?.checked);
    const groups = ticked("[data-select-group]");
    const chosen = rows.length + groups.length;
    bar.hidden = !chosen && !isEverything;
    const words = [];
    if (rows.length) words.push(String(rows.length));
    if (groups.length) words.push(`${groups.length} ${groups.length === 1 ? "group" : "groups"}`);
    bar.querySelector("[data-selected-count]").textContent = isEverything ? "Everything that matches is" : words.join(" and ");
    bar.querySelector("[data-select-everything]").hidden = isEverything || !ticked("[data-select-rows], [data-select-group]").length;
  }

  region.addEventListener("change", ({ target }) => {
    isEverything = false;
    if (target.matches("[data-select-rows], [data-select-group]")) {
      for (const box of target.closest("table, .alerts-group").querySelectorAll("[data-select], [data-select-rows]")) box.checked = target.checked;
    } else if (target.matches("[data-select]") && !target.checked) {
      target.closest("table").querySelector("[data-select-rows]").checked = false;
      const group = target.closest(".alerts-group")?.querySelector("[data-select-group]");
      if (group) group.checked = false;
    }
    show();
  });

  document.addEventListener("portal:refreshed", () => {
    count();
    show();
  });

  // --- what is done about them ----------------------------------------------------------------
  if (!bar) return;
  bar.querySelector("[data-select-nothing]").addEventListener("click", selectNothing);
  bar.querySelector("[data-select-everything]").addEventListener("click", () => {
    isEverything = true;
    show();
  });
  window.portalDialogs.onSend = async (form) => {
    const body = new FormData(form);
    body.set("query", location.search);
    if (isEverything) body.set("everything", "1");
    for (const box of ticked("[data-select]")) body.append("alert", box.dataset.select);
    for (const box of ticked("[data-select-group]")) body.append("in_group", box.dataset.selectGroup);
    const response = await fetch(form.action, { method: "POST", body, headers: { "X-Requested-With": "XMLHttpRequest" } });
    const answer = response.ok ? await response.json() : { level: "error", message: `The portal answered ${response.status}.` };
    tell(answer);
    if (answer.level === "error") return;
    selectNothing();
    form.reset();
    await window.portalLive.refresh();
  };

  let hiding;
  function tell({ message, level }) {
    told.textContent = message;
    told.className = `alerts-told alerts-told-${level}`;
    told.hidden = false;
    clearTimeout(hiding);
    hiding = setTimeout(() => (told.hidden = true), 8000);
  }
});
