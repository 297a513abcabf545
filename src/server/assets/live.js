// Keeps the page fresh: when the platform says that something changed, the main part is fetched
// again. Without this script, or without a connection, the page is the one that was loaded.
"use strict";
(() => {
  if (!document.querySelector("main[data-live]")) return;
  let waiting = false;
  const refresh = async () => {
    if (waiting || document.hidden) return;
    waiting = true;
    // Many changes at once are one refresh.
    await new Promise((done) => setTimeout(done, 500));
    waiting = false;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("main");
      const old = document.querySelector("main");
      if (!fresh || !old || fresh.innerHTML === old.innerHTML) return;
      // Whoever reads a difference or stands on a link is not disturbed.
      if (old.querySelector("details[open]") || (old.contains(document.activeElement) && document.activeElement !== old)) return;
      old.replaceWith(fresh);
    } catch {
      // The next change tries again.
    }
  };
  const source = new EventSource("/ui/events");
  // For who wants to know whether the page is live; a fresh main part does not say so itself.
  source.addEventListener("open", () => document.querySelector("main").setAttribute("data-live", "on"));
  source.addEventListener("change", refresh);
  document.addEventListener("visibilitychange", refresh);
})();
