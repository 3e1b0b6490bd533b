// Comfort on top of pages that work without it: keys, focus after a decision, progress as it happens.
(function () {
  "use strict";

  const KEYS = "concord-keys";
  const HTMX = document.currentScript.dataset.htmx;
  const items = () => [...document.querySelectorAll("[data-item]")].filter((one) => one.offsetParent);
  const current = () => document.activeElement && document.activeElement.closest("[data-item]");

  function go(step) {
    const all = items();
    const from = all.indexOf(current());
    focusOn(all[from < 0 ? (step > 0 ? 0 : all.length - 1) : from + step]);
  }

  // What this person can still decide: not what is decided, but what waits for a second person's word.
  const waitsForMe = (item) =>
    item.querySelector("[data-primary]") || (item.querySelector(".decide") && !item.querySelector(".decided-as"));

  function nextUndecided() {
    const all = items();
    const from = all.indexOf(current());
    focusOn([...all.slice(from + 1), ...all.slice(0, from + 1)].find(waitsForMe));
  }

  function focusOn(item) {
    if (!item) return;
    item.tabIndex = -1;
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  }

  function press(selector) {
    const found = current() && current().querySelector(selector);
    if (found) found.click();
    return found;
  }

  // What can be decided at once has no form of its own: the whole one stands once in the page, and
  // takes the place of the button and its link when that link is followed.
  function unfold(link) {
    const place = link.closest(".decide");
    const form = document.getElementById("fields-" + link.dataset.fields).content.firstElementChild.cloneNode(true);
    const button = place.querySelector("[data-primary]").cloneNode(true);
    const address = button.getAttribute("formaction");
    ["form", "formaction", "hx-post"].forEach((name) => button.removeAttribute(name));
    form.action = address;
    form.setAttribute("hx-post", address);
    form.querySelector("details").before(button);
    place.replaceWith(form);
    if (window.htmx) window.htmx.process(form);
    return form;
  }

  function otherwise() {
    const link = current() && current().querySelector(".otherwise");
    if (link) unfold(link);
    open("form.decide details");
  }

  function open(selector) {
    const found = current() && current().querySelector(selector);
    if (!found) return;
    found.open = true;
    const first = found.querySelector("input, select, a") || found.querySelector("summary");
    if (first) first.focus();
  }

  // The choices that stand under the fields of the current item, by their number.
  function choose(number) {
    const form = current() && current().querySelector("form.decide details[open]");
    const found = form && form.querySelectorAll(".buttons button")[number - 1];
    if (found) found.click();
  }

  const actions = {
    j: () => go(1),
    k: () => go(-1),
    n: nextUndecided,
    a: () => press("[data-primary]"),
    o: otherwise,
    u: () => press("[data-undo]"),
    e: () => open("[data-evidence]"),
    ...Object.fromEntries([..."123456"].map((digit) => [digit, () => choose(Number(digit))])),
    s: () => { const sign = document.querySelector("#signing"); if (sign) { sign.tabIndex = -1; sign.focus(); } },
    "/": () => { const search = document.querySelector("input[type=search]"); if (search) search.focus(); },
    "?": () => { const map = document.querySelector("#keys"); if (map) { map.showModal ? map.showModal() : (map.open = true); } },
  };

  const keysOn = () => localStorage.getItem(KEYS) !== "off";

  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "radio";
    if (event.key === "Escape" && typing) { const item = current(); event.target.blur(); focusOn(item); return; }
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const action = actions[event.key];
    if (action && (keysOn() || event.key === "?")) { event.preventDefault(); action(); }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys]")) actions["?"]();
    const link = event.target.closest(".otherwise");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    unfold(link).querySelector("details input, details select").focus();
  });

  document.addEventListener("change", (event) => {
    if (event.target.id === "keys-on") localStorage.setItem(KEYS, event.target.checked ? "on" : "off");
    if (event.target.closest("[data-at-once]")) event.target.form.requestSubmit();
  });

  // After a decision its form is drawn anew: the keyboard stays where it was.
  document.addEventListener("htmx:afterSwap", () => {
    if (document.activeElement !== document.body) return;
    const item = lastItem && document.getElementById(lastItem);
    if (item) focusOn(item);
  });
  let lastItem = "";
  document.addEventListener("htmx:beforeRequest", () => { const item = current(); lastItem = item ? item.id : ""; });

  function follow(place) {
    const events = new EventSource(place.dataset.progress);
    events.addEventListener("stands", (event) => { place.textContent = event.data; });
    events.addEventListener("done", (event) => {
      events.close();
      place.textContent = event.data + " ";
      const link = document.createElement("a");
      link.href = location.pathname + location.search;
      link.textContent = place.dataset.show;
      place.append(link);
    });
    events.addEventListener("idle", () => events.close());
    events.addEventListener("error", () => events.close());
    window.addEventListener("pagehide", () => events.close());
  }

  // Moments are told in the reader's own zone: the server learns its name, nothing else.
  function tellZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
    const secure = location.protocol === "https:" ? "; Secure" : "";
    if (zone) document.cookie = "concord-zone=" + zone + "; Path=/; SameSite=Strict; Max-Age=31536000" + secure;
  }

  // What saves a reload is fetched when the page can be read and answers keys. A form that is sent
  // before that waits for it.
  let arrived;
  function htmxArrives() {
    arrived = arrived || new Promise((done) => {
      const script = document.createElement("script");
      script.src = HTMX;
      script.onload = script.onerror = done;
      document.head.append(script);
    });
    return arrived;
  }

  const waiting = new Set();
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    const sender = button && button.hasAttribute("hx-post") ? button : event.target;
    if (window.htmx || !sender.hasAttribute("hx-post") || sender.dataset.plain) return;
    event.preventDefault();
    if (waiting.has(sender)) return;
    waiting.add(sender);
    complete(() => htmxArrives().then(() => {
      waiting.delete(sender);
      if (!window.htmx) sender.dataset.plain = "yes";
      if (sender === button) button.click();
      else sender.requestSubmit(button);
    }));
  });

  // htmx begins by itself only on a page that is complete.
  function complete(act) {
    if (document.readyState === "complete") act();
    else window.addEventListener("load", act);
  }

  const idle = window.requestIdleCallback || ((act) => setTimeout(act, 50));
  complete(() => idle(() => { tellZone(); htmxArrives(); }, { timeout: 1000 }));

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-keys]").forEach((button) => { button.hidden = false; });
    const box = document.getElementById("keys-on");
    if (box) box.checked = keysOn();
    document.querySelectorAll("[data-progress]").forEach(follow);
  });
})();
