// What pages do beyond showing: they stay current by themselves. Each works
// without this too.
(() => {
  "use strict";
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);

  // parse makes elements of HTML that our own server has written and escaped.
  const parse = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  };
  const load = async (url) => {
    const answer = await fetch(url, { headers: { Accept: "text/html" }, credentials: "same-origin", mode: "same-origin" });
    if (!answer.ok) throw new Error(answer.status);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  // How long ago something was goes on counting.
  const count = () => {
    const words = root.dataset;
    for (const time of document.querySelectorAll("time.ago")) {
      const minutes = Math.floor((Date.now() - Date.parse(time.dateTime)) / 60000);
      if (minutes >= 24 * 60) continue; // a date, as the server wrote it
      const text = minutes < 1 ? words.agoNow
        : minutes < 60 ? words.agoMinutes.replace("{n}", minutes)
        : words.agoHours.replace("{n}", Math.floor(minutes / 60));
      if (time.textContent !== text) time.textContent = text;
    }
  };
  setInterval(count, 20000);

  // Waiting for a carrel.
  const wait = (section) => {
    const here = new URL(location.href);
    const lang = here.searchParams.get("carrel-lang");
    const open = () => {
      // To go where one is would, behind a #, only move within the page.
      if (!lang) { location.reload(); return; }
      here.searchParams.delete("carrel-lang");
      location.replace(here.href);
    };
    const events = new EventSource(section.dataset.wait + (lang ? "?carrel-lang=" + lang : ""));
    let failures = 0;
    events.addEventListener("news", (event) => {
      failures = 0;
      const news = JSON.parse(event.data);
      byId("situation").replaceChildren(parse(news.html));
      const said = byId("said");
      if (said.textContent !== news.title) said.textContent = news.title;
      document.title = news.title + " · Carrel";
    });
    events.addEventListener("ready", () => { events.close(); open(); });
    events.addEventListener("error", () => {
      // Refused, as after a log-out, or again and again: what would a browser
      // without script do?
      if (events.readyState === EventSource.CLOSED || ++failures > 5) {
        events.close();
        setTimeout(() => location.reload(), 10000);
      }
    });
  };

  // The class board.
  const board = (main) => {
    let show = new URL(location.href).searchParams.get("show") || "";
    const field = main.querySelector("input[type=search]");
    const complete = !show && !field.value; // else the server has left seats out
    const lets = (seat) => !show || seat.dataset.state === show || show === "team:" + seat.dataset.team || seat.dataset.is.split(" ").includes(show);

    const choose = () => {
      const find = field.value.trim().toLowerCase();
      let any = false;
      for (const section of main.querySelectorAll(".section")) {
        let some = false;
        const named = section.querySelector("h2").textContent.toLowerCase().includes(find);
        for (const seat of section.querySelectorAll(".seat")) {
          const fits = lets(seat) && (!find || named || seat.textContent.toLowerCase().includes(find) || seat.id.includes(find));
          seat.hidden = !fits;
          some = some || fits;
        }
        section.hidden = !some;
        any = any || some;
      }
      byId("none").hidden = any;
      for (const link of main.querySelectorAll(".count")) {
        if (link.dataset.show === show) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    };
    const remember = () => {
      const url = new URL(location.href);
      for (const [name, value] of [["show", show], ["find", field.value.trim()]]) {
        if (value) url.searchParams.set(name, value); else url.searchParams.delete(name);
      }
      history.replaceState(null, "", url);
    };

    if (complete) {
      main.addEventListener("click", (event) => {
        const link = event.target.closest(".count");
        if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        show = link.dataset.show === show ? "" : link.dataset.show;
        choose();
        remember();
      });
      main.querySelector(".find").addEventListener("submit", (event) => event.preventDefault());
      field.addEventListener("input", () => { choose(); remember(); });
    }

    // Stays current.
    const live = byId("live");
    let doubt;
    const say = (stale) => {
      clearTimeout(doubt);
      live.hidden = false;
      live.classList.toggle("stale", stale);
      live.textContent = stale ? live.dataset.stale : live.dataset.live;
    };
    const put = (change) => {
      for (const [name, html] of Object.entries(change.seats || {})) {
        const seat = byId("seat-" + name);
        if (!seat) continue; // left out by the server's filter
        const focused = seat.contains(document.activeElement);
        const fresh = parse(html).firstElementChild;
        seat.replaceWith(fresh);
        if (focused) fresh.querySelector("a").focus();
      }
      for (const [name, html] of Object.entries(change.parts || {})) {
        const part = byId(name);
        const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        const unfolded = part.querySelector("details")?.open;
        part.replaceChildren(parse(html));
        if (unfolded) part.querySelector("details")?.setAttribute("open", "");
        if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
      }
      choose();
      count();
    };
    const renew = async () => {
      const fresh = (await load(location.href)).querySelector(".board");
      const unfolded = main.querySelector(".work")?.open;
      for (const part of ["facts", "chart", "counts", "work", "seats"]) {
        byId(part).replaceChildren(...fresh.querySelector("#" + part).childNodes);
      }
      if (unfolded) main.querySelector(".work")?.setAttribute("open", "");
      choose();
      return fresh.dataset.events;
    };
    const listen = (url) => {
      const events = new EventSource(url);
      const anew = (after) => {
        events.close();
        setTimeout(async () => {
          try { listen(await renew()); } catch { say(true); anew(10000); }
        }, after);
      };
      events.addEventListener("open", () => say(false));
      events.addEventListener("change", (event) => put(JSON.parse(event.data)));
      events.addEventListener("layout", () => anew(0));
      events.addEventListener("error", () => {
        // A stream that ends goes on in a moment: that is no news.
        clearTimeout(doubt);
        doubt = setTimeout(say, 5000, true);
        if (events.readyState === EventSource.CLOSED) anew(10000);
      });
    };
    listen(main.dataset.events);

    // A carrel, or a volume of somebody who left, opens in a panel over the board.
    const panel = byId("panel");
    const showPanel = async (url) => {
      const article = (await load(url)).querySelector("#carrel, #volume");
      if (!article) throw new Error("no carrel and no volume");
      byId("panel-body").replaceChildren(article);
      panel.dataset.url = url;
      if (panel.open) return;
      panel.showModal();
      article.querySelector("a.button, button")?.focus();
    };
    main.addEventListener("click", async (event) => {
      const link = event.target.closest('a[href*="/carrels/"], a[href*="/volumes/"]');
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      try { await showPanel(link.href); } catch { location.assign(link.href); }
    });
    panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
    panel.addEventListener("submit", async (event) => {
      const form = event.target;
      if (form.method === "dialog") return;
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      let said = "";
      try {
        const answer = await fetch(form.action, {
          method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" }, credentials: "same-origin", redirect: "error",
        });
        if (!answer.ok) said = (await answer.json()).message;
      } catch (problem) {
        said = String(problem);
      }
      button.disabled = false;
      if (said) {
        panel.querySelector(".said").textContent = said;
        return;
      }
      // The board itself hears of it; the panel looks again when it has been written.
      setTimeout(() => { if (panel.open) showPanel(panel.dataset.url).catch(() => panel.close()); }, 600);
    });
  };

  const waits = document.querySelector("[data-wait]");
  if (waits) wait(waits);
  const boards = document.querySelector(".board");
  if (boards) board(boards);
})();
