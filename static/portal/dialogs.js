// Buttons with `data-ask` open the dialog of that id. A form in it is sent as forms are, unless the page
// sets `portalDialogs.onSend`, which then sends it without leaving the page.
window.portalDialogs = { onSend: null };
document.addEventListener("DOMContentLoaded", () => {
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-ask]");
    if (button) document.getElementById(button.dataset.ask).showModal();
    if (target.closest("[data-close]")) target.closest("dialog").close();
    // A click on what lies behind the dialog.
    if (target.matches("dialog[open].alerts-dialog")) target.close();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-act]") || !window.portalDialogs.onSend) return;
    event.preventDefault();
    form.closest("dialog").close();
    window.portalDialogs.onSend(form);
  });
});
