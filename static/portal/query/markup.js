// Elements made by scripts; whatever is text stays text.

/** Return an element; `attributes` may hold `on` with listeners, `data` with data attributes, and `class`. */
export function el(tag, { on = {}, data = {}, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  Object.assign(element.dataset, data);
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** Return one of Google's Material Symbols, which says nothing to who cannot see it. */
export const icon = (name) => el("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, name);

export const byId = (id) => document.getElementById(id);

/** Return "1 thing" or "2,000 things". */
export const counted = (number, one, many = `${one}s`) => `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
