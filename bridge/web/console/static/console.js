// What the console does beyond its pages: keys, ticks, and pages that keep themselves
// fresh. Without it every page works.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
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
  const list = byId("list");
  const rows = () => list ? [...list.querySelectorAll("tr[data-request]")] : [];
  const rowOf = (el) => el && el.closest("tr[data-request]");
  const current = () => {
    const row = rowOf(document.activeElement);
    if (row) last = row.dataset.request;
    return last;
  };
  const currentRow = () => { const at = current(); return rows().find((row) => row.dataset.request === at); };
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
    const row = currentRow();
    if (row) location.assign(row.querySelector("a.open").href + "/" + what);
  };
  const openHelp = () => { if (help && !help.open) help.showModal(); };

  // Ticks choose requests to decide about at once.
  const boxes = () => list ? [...list.querySelectorAll("input[form=bulk]")] : [];
  const tickSays = () => {
    const says = byId("bulk-says");
    if (!says) return;
    const n = boxes().filter((box) => box.checked).length;
    says.textContent = n === 0 ? "With those ticked:" : n === 1 ? "With the one ticked:" : "With the " + n + " ticked:";
  };
  const tick = () => {
    const row = currentRow();
    const box = row && row.querySelector("input[form=bulk]");
    if (!box) return;
    box.checked = !box.checked;
    tickSays();
  };
  const tickAll = byId("bulk-all");
  if (tickAll && list) {
    tickAll.hidden = false;
    tickAll.addEventListener("click", () => {
      const all = boxes(), on = all.some((box) => !box.checked);
      for (const box of all) box.checked = on;
      tickSays();
    });
    list.addEventListener("change", tickSays);
    tickSays(); // a browser that goes back has kept the ticks
  }

  const keys = {
    j: () => step(1), k: () => step(-1), a: () => decide("approve"), d: () => decide("decline"), x: tick,
    "/": () => { const q = byId("q"); if (q) { q.focus(); q.select(); } },
    "?": openHelp,
  };
  const typing = (el) => el.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
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

  // A page reads itself anew: its parts (data-live) are replaced and nothing else. A part
  // keeps its focus and its ticks; one in which something was typed or chosen stays.
  const live = byId("live");
  if (!live) return;
  bind(live, "live");
  const says = byId("live-says");
  let timer = 0;
  let asking = false;

  const chosenAnew = (select) => {
    const was = [...select.options].find((o) => o.defaultSelected) || select.options[0];
    return was !== undefined && select.value !== was.value;
  };
  const typedIn = (part) => [...part.querySelectorAll("select")].some(chosenAnew) ||
    [...part.querySelectorAll("textarea, input:not([type=checkbox], [type=hidden])")].some((el) => el.value !== el.defaultValue);
  const focusAgain = (part, id, request, place) => {
    const all = [...part.querySelectorAll("tr[data-request]")];
    const row = request && (all.find((r) => r.dataset.request === request) || all[Math.min(place, all.length - 1)]);
    const to = id && byId(id) || row && row.querySelector("a.open");
    if (to) to.focus({ preventScroll: true });
  };
  const replace = (part, next) => {
    if (part.innerHTML === next.innerHTML || typedIn(part)) return;
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const id = focused ? focused.id : "", row = rowOf(focused);
    if (focused && !id && !row) return; // the focus could not be found again
    const request = row ? row.dataset.request : "";
    const place = row ? rows().indexOf(row) : 0;
    const ticked = new Set([...part.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.value));
    part.innerHTML = next.innerHTML;
    for (const box of part.querySelectorAll("input[type=checkbox]")) if (ticked.has(box.value)) box.checked = true;
    if (focused) focusAgain(part, id, request, place);
  };
  const news = (before) => {
    const added = rows().filter((row) => !before.has(row.dataset.request)).length;
    if (added > 0) says.textContent = added === 1 ? "One request is new." : added + " requests are new.";
    for (const el of document.querySelectorAll("[data-news]")) {
      if (!before.has(el.dataset.news)) says.textContent = el.dataset.news;
    }
  };
  const take = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const updated = fresh.getElementById("updated");
    if (!updated) throw new Error("not the page");
    const known = new Set([...rows().map((row) => row.dataset.request), ...[...document.querySelectorAll("[data-news]")].map((el) => el.dataset.news)]);
    const from = list ? list.getBoundingClientRect().top : 0;
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (next) replace(part, next);
    }
    byId("updated").replaceWith(updated);
    news(known);
    tickSays();
    if (list) scrollBy(0, list.getBoundingClientRect().top - from);
  };
  const refresh = async () => {
    if (asking || document.hidden || !live.checked) return;
    asking = true;
    const edition = byId("updated").dataset.edition;
    try {
      const headers = { Accept: "text/html", "X-Keybridge-Refresh": "1" };
      if (edition) headers["If-None-Match"] = edition;
      const answer = await fetch(location.href, { credentials: "same-origin", redirect: "manual", cache: "no-store", headers });
      if (answer.type === "opaqueredirect") {
        says.textContent = "You are signed out. Refresh to sign in again.";
        return;
      }
      if ((answer.ok || answer.status === 304) && live.checked) {
        if (says.textContent.startsWith("The page")) says.textContent = "";
        if (answer.ok) take(await answer.text());
      }
    } catch {
      says.textContent = "The page could not be read anew. It is tried again.";
    } finally {
      asking = false;
      start();
    }
  };
  const start = () => {
    clearTimeout(timer);
    const every = Number(byId("updated").dataset.every);
    byId("live-label").hidden = !every;
    if (every && !document.hidden) timer = setTimeout(refresh, every);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); else clearTimeout(timer); });
  live.addEventListener("change", () => refresh());
  if (list) list.addEventListener("focusin", current);
  start();
})();
