// The search of an admin list answers while one types: rows and pages are replaced.
document.addEventListener("DOMContentLoaded", () => {
  const PARTS = ["changelist-form", "changelist-pages"];
  const field = document.getElementById("searchbar");
  if (!field) return;
  let waiting;
  let asked = 0;

  async function search() {
    const query = new URLSearchParams(new FormData(field.form));
    const number = (asked += 1);
    const response = await fetch(`?${query}`, { headers: { "X-Requested-With": "XMLHttpRequest" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    // What was typed since is on its way; and a session may have ended.
    if (number !== asked || !page.getElementById(PARTS[0])) return;
    for (const part of PARTS) document.getElementById(part)?.replaceWith(page.getElementById(part));
    history.replaceState(null, "", `?${query}`);
  }

  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 200);
  });
});
