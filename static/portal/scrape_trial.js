// Tries a scrape job while its form is being filled in: the server finds the targets of the form as
// it stands, and asks one of them when somebody presses "Test".
document.addEventListener("DOMContentLoaded", () => {
  const card = document.querySelector("[data-scrape-trial]");
  const form = document.getElementById("scrapejob_form");
  if (!card || !form) return;
  const answer = card.querySelector("[data-scrape-answer]");

  const ask = async (button, target) => {
    const body = new FormData(form);
    body.set("trial-job", card.dataset.job);
    body.set("trial-target", target);
    button.disabled = true;
    try {
      const response = await fetch(card.dataset.scrapeTrial, { method: "POST", body });
      if (!response.ok) throw new Error(response.statusText);
      answer.innerHTML = await response.text();
    } catch {
      answer.textContent = "The portal did not answer; try again.";
    } finally {
      button.disabled = false;
    }
  };
  card.addEventListener("click", (event) => {
    const find = event.target.closest("[data-scrape-find]");
    const test = event.target.closest("[data-scrape-target]");
    if (find) ask(find, "");
    if (test) ask(test, test.dataset.scrapeTarget);
  });
});
