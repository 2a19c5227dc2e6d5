// The search of an admin list answers while one types.
document.addEventListener("DOMContentLoaded", () => {
  const field = document.getElementById("searchbar");
  const results = () => document.getElementById("changelist-form");
  if (!field || !results()) return;
  let waiting;
  let asked = 0;

  async function search() {
    const query = new URLSearchParams(new FormData(field.form));
    const number = (asked += 1);
    const response = await fetch(`?${query}`, { headers: { "X-Requested-With": "XMLHttpRequest" } });
    // What was typed since is on its way.
    if (!response.ok || number !== asked) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const found = page.getElementById("changelist-form");
    if (!found) return;
    results().replaceWith(found);
    const pages = [document, page].map((each) => each.querySelector("[class*='pagination'], .paginator"));
    if (pages[0] && pages[1]) pages[0].replaceWith(pages[1]);
    history.replaceState(null, "", `?${query}`);
  }

  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 200);
  });
});
