// What completes an expression: Prometheus's own completion, fed by the portal with a few names at a time.
import { labelMatchersToString, newCompleteStrategy } from "codemirror";
import { ask, config } from "query/requests";

/** Return a completion source for CodeMirror. */
export function completionSource() {
  const client = new PortalNames();
  const strategy = newCompleteStrategy({ remote: client });
  return async (context) => {
    client.begin(context);
    const result = await strategy.promQL(context);
    if (!result || context.aborted) return null;
    // What was left out may match what is typed next, so it is asked for again.
    return client.areAll ? result : { ...result, validFor: undefined };
  };
}

/** The names that Prometheus's completion asks for; `areAll` says whether the last answers held all of them. */
class PortalNames {
  areAll = true;
  #typed = "";
  #inQuotes = "";
  #help = {};

  begin(context) {
    this.areAll = true;
    this.#typed = context.matchBefore(/[\w:.]+/)?.text ?? "";
    this.#inQuotes = context.matchBefore(/[^"'`]+/)?.text ?? "";
  }

  async metricNames() {
    const found = await this.#ask(config.urls.completeMetrics, { typed: this.#typed });
    this.#help = Object.fromEntries(found.map(({ text, type, help }) => [text, [{ type, help }]]));
    return found.map(({ text }) => text);
  }

  async metricMetadata() {
    return this.#help;
  }

  async labelNames(metricName = "") {
    const found = await this.#ask(config.urls.completeLabelNames, { selector: metricName, typed: this.#typed });
    return found.map(({ text }) => text);
  }

  async labelValues(label, metricName = "", matchers = []) {
    const selector = labelMatchersToString(metricName, matchers, label).replace(/^\{\}$/, "");
    const found = await this.#ask(config.urls.completeLabelValues, { label, selector, typed: this.#inQuotes });
    return found.map(({ text }) => text);
  }

  async series() {
    return [];
  }

  async flags() {
    return {};
  }

  async #ask(url, parameters) {
    try {
      const { found, are_all: areAll } = await ask(url, { parameters });
      this.areAll &&= areAll;
      return found;
    } catch {
      // Completion is a help: without it one types on.
      this.areAll = false;
      return [];
    }
  }
}
