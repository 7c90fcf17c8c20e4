// A walk through pages, and the checks on each page: no request to another host, no violation of the page's
// content security policy, no horizontal scrolling, every control large enough for a thumb, one main
// heading, a label for every field.
"use strict";

const assert = require("node:assert");
const crypto = require("node:crypto");
const path = require("node:path");

const SMALLEST_CONTROL = 44;

/** Measures the page. A checkbox or radio button counts as large as its label, which can be tapped. */
function looked(smallest) {
  const controls = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")];
  const target = (control) => (["checkbox", "radio"].includes(control.type) ? control.closest("label") : control);
  const seen = controls.map((control) => [control, target(control).getBoundingClientRect()]).filter(([, box]) => box.width > 0);
  const isSkip = (control) => control.classList.contains("skip");
  const small = seen.filter(([control, box]) => !isSkip(control) && (box.width < smallest - 0.01 || box.height < smallest - 0.01));
  const fields = [...document.querySelectorAll("input:not([type=hidden]), select, textarea")];
  const root = document.documentElement;
  return {
    overflow: root.scrollWidth - root.clientWidth,
    headings: document.querySelectorAll("h1").length,
    unlabelled: fields.filter((field) => field.labels.length === 0).map((field) => field.outerHTML.slice(0, 80)),
    small: small.map(([control, box]) => `${control.outerHTML.slice(0, 90)} (${box.width} × ${box.height})`),
    lang: root.lang,
  };
}

/** One walk in its own browser context; it collects requests to other hosts and console errors. */
class Walk {
  constructor(page, url, name, folder, language) {
    Object.assign(this, { page, url, name, folder, language, pages: 0, strangers: [], complaints: [] });
    page.on("request", (request) => {
      const address = request.url();
      if (!address.startsWith(`${url}/`) && !address.startsWith("data:")) this.strangers.push(address);
    });
    page.on("console", (message) => {
      const text = message.text();
      if (message.type() === "error" && !text.startsWith("Failed to load resource: the server responded")) this.complaints.push(text);
    });
  }

  async look(title) {
    const { page } = this;
    await page.waitForLoadState("load");
    const seen = await page.evaluate(looked, SMALLEST_CONTROL);
    const where = `${this.name}, ${title}`;
    assert.deepStrictEqual(this.strangers, [], `${where}: requests to other hosts`);
    assert.deepStrictEqual(this.complaints, [], `${where}: console errors`);
    assert.ok(seen.overflow <= 0, `${where}: scrolls horizontally by ${seen.overflow} px`);
    assert.strictEqual(seen.headings, 1, `${where}: ${seen.headings} headings`);
    assert.strictEqual(seen.lang, this.language, where);
    assert.deepStrictEqual(seen.unlabelled, [], `${where}: fields without a label`);
    assert.deepStrictEqual(seen.small, [], `${where}: controls that are too small`);
    if (this.folder) {
      // A background tab is not painted.
      await page.bringToFront();
      await page.screenshot({ path: path.join(this.folder, `${this.name}-${title}.png`), fullPage: true });
    }
    this.pages += 1;
  }

  async go(address, title, status = 200) {
    const answer = await this.page.goto(`${this.url}${address}`);
    assert.strictEqual(answer.status(), status, `${this.name}, ${title}`);
    await this.look(title);
  }

  /** The pages of an invited patient. Texts wait for the end of the quiet hours, so one may be missing. */
  async mails(address, number) {
    const messages = async (to) => (await fetch(`${this.url}/dev/messages?to=${encodeURIComponent(to)}`).then((answer) => answer.json())).items;
    const link = (message) => message && /\/i\/\S+/.exec(message.body)?.[0];
    let mail;
    for (let n = 0; n < 50 && !mail; n += 1) {
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      mail = link((await messages(address))[0]);
    }
    assert.ok(mail, "no mail arrived");
    await this.go(mail, "patient-mail");
    await this.press("main form button", "patient-mail-confirmed");
    const text = link((await messages(number))[0]);
    if (text) await this.go(text, "patient-invite");
    await this.go("/i/AAAAAAAAAAAAAAAAAAAAAA", "patient-gone", 404);
  }

  async press(selector, title) {
    await Promise.all([this.page.waitForNavigation(), this.page.click(selector)]);
    await this.look(title);
  }
}

/** The code of an authenticator app for a seed (RFC 6238), for the current time step plus `beside`. */
function totp(seed, beside = 0) {
  const bits = [...seed.replaceAll(" ", "")].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + beside));
  const mac = crypto.createHmac("sha1", key).update(step).digest();
  const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(number % 1000000).padStart(6, "0");
}

module.exports = { Walk, totp };
