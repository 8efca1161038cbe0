// Runs in the pages of carrels, which belong to the programs there. It shows when the
// carrel is about to stop or the login to end. Its look is its own, in a shadow tree, and
// it needs nothing of the page.
(() => {
  "use strict";
  if (window.top !== window || window.carrelNotice) return;
  Object.defineProperty(window, "carrelNotice", { value: true });
  const url = "/.carrel/notice";
  let last = { text: "", over: "", close: "", again: 60 };
  let dismissed = "";
  let host;

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial; }
    section { position: fixed; z-index: 2147483647; inset: auto 12px 12px; margin: 0 auto; max-width: 34rem; box-sizing: border-box;
      display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: center; padding: 12px 16px; border-radius: 10px; border: 1px solid #8a6d1c;
      background: #fff6dc; color: #2b2410; font: 15px/1.5 system-ui, "Hiragino Sans", "Noto Sans JP", "Noto Sans CJK JP", sans-serif; box-shadow: 0 6px 24px rgb(0 0 0 / 30%); }
    p { margin: 0; flex: 1 1 16rem; }
    button { font: inherit; min-height: 40px; padding: 4px 14px; border-radius: 8px; cursor: pointer; border: 1px solid #1f5a4c; background: #1f5a4c; color: #fff; }
    button.second { background: transparent; color: #2b2410; border-color: #6d6340; }
    button:focus-visible { outline: 3px solid #1b5c8a; outline-offset: 2px; }
    @media (prefers-color-scheme: dark) {
      section { background: #3a2d10; color: #fdf0d5; border-color: #d99a1c; }
      button { background: #6fc3a8; color: #0d1a16; border-color: #6fc3a8; }
      button.second { color: #fdf0d5; border-color: #c9b27a; }
      button:focus-visible { outline-color: #8ac4f0; }
    }`);

  const button = (text, second, act) => {
    const b = document.createElement("button");
    b.type = "button";
    b.textContent = text;
    if (second) b.className = "second";
    b.addEventListener("click", act);
    return b;
  };
  const hide = () => { if (host) host.remove(); host = undefined; };
  const show = (n) => {
    if (!n.text || n.text === dismissed) { hide(); return; }
    if (host && host.dataset.text === n.text) return;
    hide();
    host = document.createElement("carrel-notice");
    host.dataset.text = n.text;
    const root = host.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    const section = document.createElement("section");
    section.setAttribute("role", "alert");
    const words = document.createElement("p");
    words.textContent = n.text;
    section.append(words);
    if (n.stay) section.append(button(n.stay, false, async () => { await fetch(url, { method: "POST", credentials: "same-origin" }); dismissed = n.text; hide(); }));
    if (n.load) section.append(button(n.load, false, () => location.reload()));
    section.append(button(n.close, true, () => { dismissed = n.text; hide(); }));
    document.documentElement.append(host);
    root.append(section); // after the host is in the page, so that the alert is read
  };

  let timer;
  const ask = async () => {
    clearTimeout(timer);
    if (!document.hidden) {
      try {
        const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin", redirect: "error" });
        if (answer.ok) { last = await answer.json(); show(last); }
        else if (answer.status === 401 || answer.status === 403) show({ ...last, text: last.over, stay: "" });
      } catch { /* the network is away: the page itself says so */ }
    }
    timer = setTimeout(ask, last.again * 1000);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  ask();
})();
