// Keeps a page of the inbox as things stand: whatever the practice's stream tells of, the page is asked for again
// and those parts of it that differ are put in place. What somebody types in, has opened or stands on stays.
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

  /** Whether something of somebody's stands in a part: typed just now, or sent back as it could not be. */
  function isTyped(part) {
    const fields = [...part.querySelectorAll("input:not([type=hidden]), select, textarea")];
    return fields.some((field) => isChanged(field) || field.matches("[aria-invalid]") || (field.matches("textarea") && field.value !== ""));
  }

  function isInUse(part) {
    const isHeld = part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
    return isHeld || isTyped(part) || part.querySelector("details[open]") !== null;
  }

  /** A list keeps those of its items that are as they were, with whatever stands on them. */
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

  /** What is good for so many seconds is asked for anew behind them. */
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

  /** The page's own address: a form that was sent back stands under another one, where nothing is to be had. */
  function address() {
    const { pathname, search } = window.location;
    const own = `/console/inbox/${conversation}`;
    return conversation === "" || pathname === own ? pathname + search : own;
  }

  /** Signed out, or not theirs to see any more: the page goes, but for what somebody was writing. */
  function leave() {
    isOver = true;
    if (isTyped(document)) document.getElementById("signed-out").hidden = false;
    else window.location.replace(address());
  }

  async function look() {
    // Who opens a conversation has read it: a page in the back waits until somebody looks at it.
    isStale = isLooking || (document.hidden && conversation !== "");
    if (isStale || isOver) return;
    isLooking = true;
    try {
      const answer = await fetch(address(), { cache: "no-store" });
      if (answer.redirected || [403, 404].includes(answer.status)) leave();
      else if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The network is away: the stream says when it is back.
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

  /** Listens until the sign-in ends, and again after every break. */
  function listen(done) {
    const stream = new EventSource("/console/events");
    // What happened before it was open is told to nobody.
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
  // A browser opens few connections to a host (six, over HTTP/1.1): one tab listens for all of them.
  if (navigator.locks) navigator.locks.request("practice-links-events", () => new Promise(listen));
  else listen(() => {});
})();
