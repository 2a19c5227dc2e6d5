// Buttons that copy: `data-copy` holds the text.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  let copied = true;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    // Without TLS browsers give pages no clipboard, but let them copy a selection.
    const field = document.createElement("textarea");
    field.value = button.dataset.copy;
    field.style.position = "fixed";
    document.body.append(field);
    field.select();
    copied = document.execCommand("copy");
    field.remove();
    button.focus();
  }
  const label = button.textContent;
  if (button.dataset.copying) return;
  button.dataset.copying = "true";
  button.textContent = copied ? "Copied" : "Cannot copy";
  setTimeout(() => {
    button.textContent = label;
    delete button.dataset.copying;
  }, 1500);
});
