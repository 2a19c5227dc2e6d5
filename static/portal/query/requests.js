// Requests to the portal by the user's session, and what it says when it refuses.

/** Why the portal gave no answer, in words; `status` is 0 when it could not be reached. */
export class AnswerError extends Error {
  constructor(message, { status = 0, kind = "" } = {}) {
    super(message);
    this.name = "AnswerError";
    this.status = status;
    this.kind = kind;
  }
}

/** What the page's template says: addresses and limits. */
export const config = JSON.parse(document.getElementById("query-config").textContent);

/** Return what the portal answers, as JSON; raises `AnswerError`, or `AbortError` when it was given up. */
export async function ask(url, { method = "GET", parameters = [], signal } = {}) {
  const query = new URLSearchParams(parameters);
  const isPost = method === "POST";
  let response;
  try {
    response = await fetch(isPost || !query.size ? url : `${url}?${query}`, {
      method,
      signal,
      body: isPost ? query : undefined,
      headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest", "X-CSRFToken": token() },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new AnswerError("The portal cannot be reached. Is it running, and are you still connected?");
  }
  if (response.status === 204) return null;
  const isJson = (response.headers.get("Content-Type") || "").includes("json");
  if (response.redirected || response.status === 401 || (response.ok && !isJson)) {
    throw new AnswerError("Your session has ended. Sign in again in another tab, then run once more.", { status: 401 });
  }
  if (!isJson) throw new AnswerError(`The portal could not answer (${response.status}); its log has the reason.`, { status: response.status });
  const answer = await response.json();
  if (!response.ok) {
    const { error, errorType = "" } = answer;
    throw new AnswerError(typeof error === "string" ? error : error?.message || `The portal answered ${response.status}.`, {
      status: response.status,
      kind: errorType,
    });
  }
  return answer;
}

const token = () => document.querySelector("#query-token input").value;
