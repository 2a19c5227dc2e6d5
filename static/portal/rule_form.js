// Shows the PromQL of the simple form while it is being filled in. The server compiles, so that
// what is shown is what will be saved.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("rule_form");
  const shown = document.getElementById("rule-promql");
  if (!form || !shown) return;
  let timer;
  let latest = 0;

  const preview = async () => {
    const turn = ++latest;
    try {
      const response = await fetch(shown.dataset.url, { method: "POST", body: new FormData(form) });
      const answer = await response.json();
      if (turn !== latest) return;
      shown.textContent = answer.expr || answer.problem;
      shown.classList.toggle("portal-promql-problem", !answer.expr);
    } catch {
      // The next keystroke tries again; saving does not depend on it.
    }
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(preview, 250);
  };
  form.addEventListener("input", later);
  form.addEventListener("change", later);
  preview();
});
