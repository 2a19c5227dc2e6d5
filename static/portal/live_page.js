// A part of a page that is kept up to date: `data-refresh-seconds` says how often, and `data-refresh-part`
// what to ask this very address for. Only what has changed is touched, so that the place, what is chosen, and
// where one is stay. Nothing is asked for while nobody looks. `portalLive.refresh()` asks at once, and
// `portal:refreshed` is sent when something new is there.
window.portalLive = (() => {
  "use strict";

  function attributes(from, to) {
    for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
    for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }

  function morph(from, to) {
    // What is ticked or typed is no attribute, so it stays as it is.
    if (from.isEqualNode(to)) return;
    if (from.nodeType !== Node.ELEMENT_NODE) {
      from.data = to.data;
      return;
    }
    // What a script has drawn is its own.
    if ("refreshKeep" in to.dataset) return;
    attributes(from, to);
    morphChildren(from, to);
  }

  const keyOf = (node) => node.dataset?.key;

  function morphChildren(from, to) {
    const known = new Map([...from.children].filter(keyOf).map((child) => [keyOf(child), child]));
    let place = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const key = keyOf(wanted);
      const isLike = place && !keyOf(place) && place.nodeName === wanted.nodeName;
      const found = key ? known.get(key) : isLike ? place : null;
      if (!found || found.nodeName !== wanted.nodeName) {
        if (key) wanted.classList.add("portal-fresh");
        from.insertBefore(wanted, place);
        continue;
      }
      if (found === place) place = place.nextSibling;
      else from.insertBefore(found, place);
      morph(found, wanted);
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  }

  let region = null;
  let bar = null;
  let timer = 0;
  let asked = 0;
  let isPaused = false;

  const clock = () => new Date().toLocaleTimeString("en-GB");

  function say(text, isBad = false) {
    const status = bar?.querySelector("[data-refresh-status]");
    if (!status) return;
    status.textContent = text;
    status.classList.toggle("alerts-stale", isBad);
  }

  const isSelecting = () => {
    const selection = document.getSelection();
    return selection && !selection.isCollapsed && region.contains(selection.anchorNode);
  };

  async function refresh() {
    clearTimeout(timer);
    const number = (asked += 1);
    const address = new URL(location.href);
    address.searchParams.set("part", region.dataset.refreshPart);
    try {
      const response = await fetch(address, { headers: { "X-Requested-With": "XMLHttpRequest" } });
      if (response.redirected) {
        // The session has ended.
        location.reload();
        return;
      }
      if (!response.ok) throw new Error(`the portal answered ${response.status}`);
      const text = await response.text();
      if (number !== asked) return;
      const focused = document.activeElement;
      const fresh = document.createElement("div");
      fresh.innerHTML = text;
      morphChildren(region, fresh);
      if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
      region.dataset.refreshedAt = String(Date.now());
      say(`Updated ${clock()}`);
      document.dispatchEvent(new CustomEvent("portal:refreshed"));
    } catch (error) {
      if (number === asked) say(`Not updated since ${shownAt}: ${error.message}`, true);
      plan();
      return;
    }
    shownAt = clock();
    plan();
  }

  let shownAt = clock();

  function plan() {
    clearTimeout(timer);
    if (isPaused || document.hidden) return;
    timer = setTimeout(() => (isSelecting() ? plan() : refresh()), Number(region.dataset.refreshSeconds) * 1000);
  }

  function start() {
    region = document.querySelector("[data-refresh-seconds]");
    if (!region) return;
    bar = document.querySelector("[data-refresh-bar]");
    if (bar) {
      bar.hidden = false;
      say(`Updated ${shownAt}`);
      const toggle = bar.querySelector("[data-refresh-toggle]");
      toggle.addEventListener("click", () => {
        isPaused = !isPaused;
        toggle.textContent = isPaused ? "Resume" : "Pause";
        if (isPaused) say(`Paused; as of ${shownAt}`);
        else refresh();
        plan();
      });
    }
    document.addEventListener("visibilitychange", () => (document.hidden || isPaused ? clearTimeout(timer) : refresh()));
    plan();
  }

  document.addEventListener("DOMContentLoaded", start);
  return { refresh };
})();
