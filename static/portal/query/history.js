// What this user has run: found, starred, forgotten, taken up again.
import { byId, counted, el, icon } from "query/markup";
import { ask, config } from "query/requests";
import { ago } from "query/times";

/** The dialog of past queries; `onChoose(expr)` takes one up. */
export class History {
  #dialog = byId("query-history");
  #list = byId("query-history-list");
  #problem = byId("query-history-problem");
  #contains = byId("query-history-contains");
  #starred = byId("query-history-starred");
  #onChoose;
  #asked = 0;

  constructor({ onChoose }) {
    this.#onChoose = onChoose;
    let waiting;
    this.#contains.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.#show(), 200);
    });
    this.#starred.addEventListener("change", () => this.#show());
    byId("query-history-open").addEventListener("click", () => {
      this.#dialog.showModal();
      this.#contains.focus();
      this.#show();
    });
    byId("query-history-close").addEventListener("click", () => this.#dialog.close());
    byId("query-history-clear").addEventListener("click", () => {
      if (window.confirm("Forget all your queries that have no star?")) this.#change(config.urls.history, { method: "DELETE" });
    });
    // A click beside the dialog closes it.
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
  }

  /** Remember that these were run; nobody waits for it. */
  async record(exprs) {
    try {
      await ask(config.urls.history, { method: "POST", parameters: exprs.map((expr) => ["expr", expr]) });
    } catch {
      // The history is a help; the query itself has been answered.
    }
  }

  async #show() {
    const number = (this.#asked += 1);
    const parameters = { contains: this.#contains.value, starred: this.#starred.checked ? "1" : "" };
    try {
      const { found } = await ask(config.urls.history, { parameters });
      if (number !== this.#asked) return;
      this.#problem.textContent = "";
      this.#list.replaceChildren(...found.map((past) => this.#row(past)));
      if (!found.length) this.#list.append(el("li", { class: "portal-empty" }, this.#emptyWords()));
    } catch (error) {
      this.#problem.textContent = error.message;
    }
  }

  #emptyWords() {
    if (this.#contains.value) return "None of your queries has this in it.";
    return this.#starred.checked ? "You have starred none yet." : "What you run appears here.";
  }

  #row(past) {
    const url = `${config.urls.history}${past.id}/`;
    const words = past.is_starred ? "Take the star away" : "Star: keep it, and find it at once";
    return el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: past.is_starred ? "query-icon query-starred" : "query-icon",
          title: words,
          "aria-label": words,
          "aria-pressed": String(past.is_starred),
          on: { click: () => this.#change(url, { method: "POST", parameters: { is_starred: past.is_starred ? "" : "1" } }) },
        },
        icon("star"),
      ),
      el(
        "button",
        { type: "button", class: "query-past", title: "Take it up", on: { click: () => (this.#dialog.close(), this.#onChoose(past.expr)) } },
        el("code", {}, past.expr),
        el("span", { class: "portal-quiet" }, `${ago(new Date(past.run_at).getTime())}, ${counted(past.runs, "run")}`),
      ),
      el(
        "button",
        {
          type: "button",
          class: "query-icon",
          title: "Forget it",
          "aria-label": "Forget it",
          on: { click: () => this.#change(url, { method: "DELETE" }) },
        },
        icon("delete"),
      ),
    );
  }

  async #change(url, request) {
    try {
      await ask(url, request);
      await this.#show();
    } catch (error) {
      this.#problem.textContent = error.message;
    }
  }
}
