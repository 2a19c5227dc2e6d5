// A part of a page that changes while work is done: `data-live-seconds` says how often it is asked for
// again. When the answer has the attribute no more, the work is done and the whole page is loaded.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-live-seconds]").forEach((first) => {
    let region = first;
    const look = async () => {
      let found = null;
      try {
        const response = await fetch(location.href, { headers: { "X-Requested-With": "XMLHttpRequest" } });
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        found = page.getElementById(region.id);
      } catch {
        // The portal does not answer at the moment; it is asked again.
      }
      if (found && !("liveSeconds" in found.dataset)) {
        location.reload();
        return;
      }
      if (found) {
        region.replaceWith(found);
        region = found;
      }
      setTimeout(look, Number(region.dataset.liveSeconds) * 1000);
    };
    setTimeout(look, Number(region.dataset.liveSeconds) * 1000);
  });
});
