// Keeps the pages of the inbox up to date: for every event of the practice's stream the page is fetched
// again and its changed parts are replaced. What the user has typed, opened or focused stays as it is.
"use strict";
(() => {
  const conversation = document.currentScript.dataset.conversation;
  const KINDS = ["conversation.created", "entry.created", "conversation.changed", "identity.changed", "read"];
  const [SHORTLY, AGAIN, LONGEST, MINUTE] = [150, 2000, 30000, 60000];
  const channel = new BroadcastChannel("practice-links-events");
  let timer = 0;
  let renewal = 0;
  let isLooking = false;
  let isStale = false;
  let isOver = false;
  let delay = AGAIN;

  function isChanged(field) {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.options) return [...field.options].some((option) => option.selected !== option.defaultSelected);
    return field.value !== field.defaultValue;
  }

  /** Whether a part holds input of the user: typed just now, or sent back with an error. */
  function isTyped(part) {
    const fields = [...part.querySelectorAll("input:not([type=hidden]), select, textarea")];
    return fields.some((field) => isChanged(field) || field.matches("[aria-invalid]") || (field.matches("textarea") && field.value !== ""));
  }

  function isInUse(part) {
    const isHeld = part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
    return isHeld || isTyped(part) || part.querySelector("details[open]") !== null;
  }

  /** Reuses the items of a list that did not change, so that they keep their focus. */
  function arrange(list, fresh) {
    const held = new Map([...list.children].map((item) => [item.id, item]));
    const items = [...fresh.children].map((item) => (held.get(item.id)?.isEqualNode(item) ? held.get(item.id) : item));
    const focus = list.contains(document.activeElement) ? document.activeElement.closest("li")?.id : undefined;
    for (const item of [...list.children]) if (!items.includes(item)) item.remove();
    items.forEach((item, place) => {
      if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
    });
    if (focus && !list.contains(document.activeElement)) document.getElementById(focus)?.querySelector("a")?.focus({ preventScroll: true });
  }

  function replace(part, fresh) {
    if (part.dataset.sign === undefined ? part.isEqualNode(fresh) : part.dataset.sign === fresh.dataset.sign) return;
    if (isInUse(part)) return;
    const [list, next] = [part, fresh].map((whole) => whole.querySelector("[data-keyed]"));
    if (!list || !next) {
      part.replaceWith(fresh);
      return;
    }
    arrange(list, next);
    const around = [...fresh.childNodes];
    const place = around.indexOf(next);
    for (const node of [...part.childNodes]) if (node !== list) node.remove();
    list.before(...around.slice(0, place));
    list.after(...around.slice(place + 1));
  }

  /** Fetches a part that is valid for a number of seconds again once they have passed. */
  function renew() {
    const part = document.querySelector("[data-renews]");
    clearTimeout(renewal);
    if (part) renewal = setTimeout(look, part.dataset.renews * 1000);
  }

  function show(fresh) {
    const form = document.getElementById("end");
    const isAtEnd = form !== null && form.getBoundingClientRect().top < window.innerHeight;
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (other) replace(part, other);
    }
    const end = document.getElementById("end");
    renew();
    if (isAtEnd && end.getBoundingClientRect().bottom > window.innerHeight) end.scrollIntoView({ block: "end" });
  }

  /** The address to fetch. After a failed form the URL is that of its POST route, which has no GET. */
  function address() {
    const { pathname, search } = window.location;
    const own = `/console/inbox/${conversation}`;
    return conversation === "" || pathname === own ? pathname + search : own;
  }

  /** Signed out, or no longer allowed to see this: leaves the page, unless the user is writing something. */
  function leave() {
    isOver = true;
    if (isTyped(document)) document.getElementById("signed-out").hidden = false;
    else window.location.replace(address());
  }

  async function look() {
    // Opening a conversation marks it as read, so a page in the background waits to be looked at.
    isStale = isLooking || (document.hidden && conversation !== "");
    if (isStale || isOver) return;
    isLooking = true;
    try {
      const answer = await fetch(address(), { cache: "no-store" });
      if (answer.redirected || [403, 404].includes(answer.status)) leave();
      else if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // Offline: the stream reports when the network is back.
    } finally {
      isLooking = false;
      if (isStale && !document.hidden) soon();
    }
  }

  function soon() {
    timer ||= setTimeout(() => { timer = 0; look(); }, SHORTLY);
  }

  function heard(event) {
    if (!event.conversation_id || conversation === "" || event.conversation_id === conversation) soon();
  }

  function tell(event) {
    heard(event);
    channel.postMessage(event);
  }

  /** Listens until the session ends; reconnects after every interruption. */
  function listen(done) {
    const stream = new EventSource("/console/events");
    // Events from before the stream was open were missed, so the page is fetched once.
    stream.onopen = () => { delay = AGAIN; tell({}); };
    for (const kind of KINDS) stream.addEventListener(kind, (event) => tell(JSON.parse(event.data)));
    stream.onerror = async () => {
      if (stream.readyState !== EventSource.CLOSED) return;
      tell({});
      await look();
      if (isOver) { done(); return; }
      setTimeout(() => listen(done), delay);
      delay = Math.min(delay * 2, LONGEST);
    };
  }

  channel.onmessage = ({ data }) => heard(data);
  document.addEventListener("visibilitychange", () => { if (isStale && !document.hidden) soon(); });
  renew();
  setInterval(() => { if (!document.hidden) soon(); }, MINUTE);
  soon();
  // A browser opens few connections per host (six over HTTP/1.1), so one tab listens for all of them.
  if (navigator.locks) navigator.locks.request("practice-links-events", () => new Promise(listen));
  else listen(() => {});
})();
