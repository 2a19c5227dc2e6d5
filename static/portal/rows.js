// Rows of a form field: "add" copies the template, "remove" takes a row away.
document.addEventListener("click", (event) => {
  const add = event.target.closest("[data-row-add]");
  const remove = event.target.closest("[data-row-remove]");
  if (add) {
    const rows = add.closest("[data-rows]");
    const row = rows.querySelector("template").content.cloneNode(true);
    rows.querySelector("[data-rows-body]").append(row);
    rows.querySelector("[data-rows-body]").lastElementChild.querySelector("input").focus();
  } else if (remove) {
    const rows = remove.closest("[data-rows]");
    remove.closest("[data-row]").remove();
    rows.dispatchEvent(new Event("change", { bubbles: true }));
  }
});
