// What the console does beyond its pages: keys, and a queue that keeps itself fresh.
// Without it every page works.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const list = byId("list");
  const help = byId("help");

  // Settings live in this browser; where it keeps none, they last as long as the page.
  const settings = {
    get: (name) => { try { return localStorage.getItem("keybridge-" + name) !== "off"; } catch { return true; } },
    set: (name, on) => { try { localStorage.setItem("keybridge-" + name, on ? "on" : "off"); } catch { /* not kept */ } },
  };
  const bind = (box, name) => {
    box.checked = settings.get(name);
    box.addEventListener("change", () => settings.set(name, box.checked));
  };

  // The row that has the focus, else the one that had it last.
  let last = "";
  const rows = () => list ? [...list.querySelectorAll("tr[data-request]")] : [];
  const current = () => {
    const row = document.activeElement && document.activeElement.closest("tr[data-request]");
    if (row) last = row.dataset.request;
    return last;
  };
  const focusRow = (row) => { last = row.dataset.request; row.querySelector("a.open").focus(); };
  const step = (by) => {
    const all = rows();
    if (all.length === 0) return;
    const at = all.findIndex((row) => row.dataset.request === current());
    focusRow(all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]);
  };
  const decide = (what) => {
    const offered = byId(what); // on the page of a request
    if (offered && offered.matches("a.button")) return offered.click();
    const row = rows().find((r) => r.dataset.request === current());
    if (row) location.assign(row.querySelector("a.open").href + "/" + what);
  };
  const openHelp = () => { if (help && !help.open) help.showModal(); };

  const keys = {
    j: () => step(1), k: () => step(-1), a: () => decide("approve"), d: () => decide("decline"),
    "/": () => { const q = byId("q"); if (q) { q.focus(); q.select(); } },
    "?": openHelp,
  };
  const typing = (el) => el.closest("input, textarea, select, [contenteditable]") !== null;
  if (help) {
    bind(byId("keys-on"), "keys");
    const button = byId("help-open");
    button.hidden = false;
    button.addEventListener("click", openHelp);
    document.addEventListener("keydown", (e) => {
      const act = Object.hasOwn(keys, e.key) && keys[e.key];
      if (!act || e.ctrlKey || e.metaKey || e.altKey || e.repeat && e.key !== "j" && e.key !== "k") return;
      if (typing(e.target) || help.open || !byId("keys-on").checked) return;
      e.preventDefault();
      act();
    });
  }

  // The queue reads itself anew: the list is replaced and nothing else.
  const live = byId("live");
  if (!list || !live) return;
  bind(live, "live");
  byId("live-label").hidden = false;
  const says = byId("live-says");
  const every = 10000;
  let timer = 0;
  let asking = false;

  const take = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const next = fresh.getElementById("list");
    if (!next) throw new Error("not the queue");
    byId("updated").textContent = fresh.getElementById("updated").textContent;
    for (const badge of ["header .badge", ".parts"]) {
      const was = document.querySelector(badge), is = fresh.querySelector(badge);
      if (was && is && !was.contains(document.activeElement) && was.innerHTML !== is.innerHTML) was.innerHTML = is.innerHTML;
    }
    if (next.innerHTML === list.innerHTML) return;
    const before = new Set(rows().map((row) => row.dataset.request));
    const focused = list.contains(document.activeElement) ? current() : "";
    const from = list.getBoundingClientRect().top;
    const place = rows().findIndex((row) => row.dataset.request === focused);
    list.innerHTML = next.innerHTML;
    const all = rows();
    const added = all.filter((row) => !before.has(row.dataset.request)).length;
    if (added > 0) says.textContent = added === 1 ? "One request is new." : added + " requests are new.";
    if (focused && all.length > 0) {
      const row = all.find((r) => r.dataset.request === focused) || all[Math.min(place, all.length - 1)];
      row.querySelector("a.open").focus({ preventScroll: true });
    }
    scrollBy(0, list.getBoundingClientRect().top - from);
  };
  const refresh = async () => {
    if (asking || document.hidden || !live.checked) return;
    asking = true;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", redirect: "manual", headers: { Accept: "text/html" } });
      if (answer.type === "opaqueredirect") {
        says.textContent = "You are signed out. Refresh to sign in again.";
        return;
      }
      if (answer.ok && live.checked) {
        if (says.textContent.startsWith("The list")) says.textContent = "";
        take(await answer.text());
      }
    } catch {
      says.textContent = "The list could not be read anew. It is tried again.";
    } finally {
      asking = false;
    }
  };
  const start = () => { clearInterval(timer); timer = setInterval(refresh, every); };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { refresh(); start(); } else clearInterval(timer); });
  live.addEventListener("change", refresh);
  list.addEventListener("focusin", current);
  start();
})();
