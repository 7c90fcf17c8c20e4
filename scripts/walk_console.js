// Walks the console in Chromium as a front desk does: signs in, makes a link by form, sees what is wrong with one,
// retires it, prints, reads the numbers, makes a webhook. Every page is held against what all of them promise:
// nothing is asked of another host, nothing is refused by the page's own policy, no sideways scrolling, every
// control large enough for a thumb, one heading, a label for every field. On a phone and on a desktop, light and
// dark, English and Spanish; pictures go into a folder where one is named.
//
// Usage: node walk_console.js PATH/TO/practice-links PATH/TO/chromium [FOLDER] (with playwright-core where `require`
// finds it)
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { withService } = require("./browser.js");

const SMALLEST_CONTROL = 44;
const SCREENS = [{ width: 390, height: 844 }, { width: 1280, height: 800 }];
const SCHEMES = ["light", "dark"];
const LANGUAGES = ["en", "es"];

/** What is on the page. A box of a list is as large as its label, which is what a thumb meets. */
function looked(smallest) {
  const controls = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")];
  const target = (control) => (control.type === "checkbox" ? control.closest("label") : control);
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

/** One walk: a context of its own, and everything that its pages did wrong. */
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
    assert.deepStrictEqual(this.strangers, [], `${where}: asks other hosts`);
    assert.deepStrictEqual(this.complaints, [], `${where}: the browser complains`);
    assert.ok(seen.overflow <= 0, `${where}: scrolls sideways by ${seen.overflow} px`);
    assert.strictEqual(seen.headings, 1, `${where}: ${seen.headings} headings`);
    assert.strictEqual(seen.lang, this.language, where);
    assert.deepStrictEqual(seen.unlabelled, [], `${where}: fields without a label`);
    assert.deepStrictEqual(seen.small, [], `${where}: controls that are too small`);
    if (this.folder) await page.screenshot({ path: path.join(this.folder, `${this.name}-${title}.png`), fullPage: true });
    this.pages += 1;
  }

  async go(address, title, status = 200) {
    const answer = await this.page.goto(`${this.url}${address}`);
    assert.strictEqual(answer.status(), status, `${this.name}, ${title}`);
    await this.look(title);
  }

  /** What somebody who is invited meets, as far as messages go out at this hour. */
  async mails(address, number) {
    const messages = async (to) => (await fetch(`${this.url}/dev/messages?to=${encodeURIComponent(to)}`).then((answer) => answer.json())).items;
    const link = (message) => message && /\/i\/\S+/.exec(message.body)?.[0];
    let mail;
    for (let n = 0; n < 50 && !mail; n += 1) {
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      mail = link((await messages(address))[0]);
    }
    assert.ok(mail, "no mail came");
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

async function walkSignIn(walk, token) {
  const { page } = walk;
  await walk.go("/console/links", "sign-in");
  assert.ok(page.url().includes("/console/sign-in?next="), page.url());
  await page.fill("#email", "ana@elm.example");
  await page.fill("#password", "not it");
  await walk.press("form[action='/console/sign-in'] button", "sign-in-wrong");
  assert.strictEqual(await page.inputValue("#email"), "ana@elm.example");
  await page.fill("#token", token);
  await Promise.all([page.waitForNavigation(), page.click("form[action='/console/sign-in/token'] button")]);
}

async function walkLinks(walk) {
  const { page } = walk;
  await walk.go("/console/links", "links");
  // By keyboard: the first stop is the way past the rail.
  await page.keyboard.press("Tab");
  assert.strictEqual(await page.evaluate(() => document.activeElement.className), "skip");
  await walk.go("/console/links/new", "link-new");
  await page.fill("#tags", "poster, " + "x".repeat(41));
  await walk.press(".form button", "link-new-wrong");
  await page.fill("#label", `Waiting room poster, second floor ${walk.name}`);
  await page.fill("#tags", "poster, waiting room, autumn");
  await page.fill("#welcome", "Welcome.\nHow can we help?");
  await page.check("input[name=notify]");
  await walk.press(".form button", "link-created");
  const link = new URL(page.url()).pathname;
  await walk.go(`${link}/edit`, "link-edit");
  await walk.go(`${link}/print`, "link-print");
  await walk.go(`${link}/visitors`, "link-visitors-none");
  await page.goto(`${walk.url}${link}`);
  await walk.press("form[action$='/pause'] button", "link-paused");
  await walk.go(`${link}/retire`, "link-retire");
  await walk.press(".form button.danger", "link-retired");
  await page.goto(`${walk.url}/console/links`);
  const first = await page.getAttribute(".rows a", "href");
  await walk.go(`${first}/visitors`, "link-visitors");
}

/** One person and one day: every walk invites somebody of its own. */
let invited = 0;

async function walkInvites(walk) {
  const { page } = walk;
  invited += 1;
  const digits = String(2000 + invited);
  await walk.go("/console/invites", "invites");
  await walk.go("/console/invites/new", "invite-new");
  await page.fill("#name", "Alexandra Rivera-Montgomery");
  await page.fill("#phone", "12");
  await walk.press(".form button", "invite-new-wrong");
  assert.strictEqual(await page.inputValue("#name"), "Alexandra Rivera-Montgomery");
  await page.fill("#phone", `(415) 555-${digits}`);
  await page.fill("#email", `alexandra.rivera${invited}@home.example`);
  await walk.press(".form button", "invite-sent");
  const invite = new URL(page.url()).pathname;
  await walk.press("form[action$='/resend'] button", "invite-too-soon");
  await walk.mails(`alexandra.rivera${invited}@home.example`, `+1415555${digits}`);
  await walk.go(invite, "invite");
  await walk.press("form[action$='/revoke'] button", "invite-taken-back");
  await walk.go("/console/invites/import", "invite-list-new");
  await page.fill("#list", "name,mobile\nSam Stone,1");
  await walk.press(".form button", "invite-list-wrong");
  await page.fill("#list", `name,mobile,email\nSam Stone,(415) 555-${3000 + invited},sam${invited}@home.example\nNobody,1,x@home.example`);
  await walk.press(".form button", "invite-list-taken");
  const list = new URL(page.url()).pathname;
  await new Promise((resolve) => { setTimeout(resolve, 500); });
  await walk.go(list, "invite-list");
  await walk.go("/console/invites", "invites-some");
  await walk.go("/console/invites?state=revoked", "invites-taken-back");
  await walk.go("/console/invites?state=bounced", "invites-none-bounced");
}

async function walkSettings(walk) {
  const { page } = walk;
  await walk.go("/console/settings", "settings");
  await walk.go("/console/settings/notices", "notices");
  await page.goto(`${walk.url}/console/settings/webhooks/new`);
  await walk.look("webhook-new");
  await page.fill("#url", "not an address");
  await walk.press(".form button", "webhook-new-wrong");
  await page.fill("#url", "https://127.0.0.1:9/practice-links");
  await page.fill("#label", "Practice software");
  await walk.press(".form button", "webhook-secret");
  await walk.press("main a.button", "webhook");
  const hook = new URL(page.url()).pathname;
  await walk.go(`${hook}/rotate`, "webhook-rotate");
  await walk.go(`${hook}/delete`, "webhook-delete");
  await walk.press("main form button", "webhooks-deleted");
}

async function walkAll(walk, token) {
  await walkSignIn(walk, token);
  await walk.go("/console/inbox", "inbox");
  await walkLinks(walk);
  await walkInvites(walk);
  await walk.go("/console/records", "records");
  await walkSettings(walk);
  await walk.go("/console/nowhere", "nowhere", 404);
  const cookies = await walk.page.context().cookies();
  assert.ok(cookies.some((cookie) => cookie.httpOnly && cookie.sameSite === "Lax"), "the cookie");
  await walk.page.goto(`${walk.url}/console/settings`);
  await walk.press("main form[action='/console/sign-out'] button", "signed-out");
  assert.deepStrictEqual(await walk.page.context().cookies(), []);
}

function made(admin) {
  const practice = admin("practice", "create", "--name", "Elm Street Dental", "--city", "Springfield", "--plan", "communicator", "--email", "desk@elm.example").split(/\s/)[0];
  const member = (email, name, role) => admin("staff", "create", "--practice", practice, "--email", email, "--name", name, "--role", role);
  const [, token] = /^token\s+(\S+)$/m.exec(member("ana@elm.example", "Ana Ruiz", "admin"));
  const bea = member("bea@elm.example", "Bea Okafor", "member").split(/\s/)[0];
  admin("team", "create", "--practice", practice, "--name", "Hygienists", "--member", bea);
  return token;
}

/** A few people look at the first link, so that its chart has something to draw. */
async function visit(url, token) {
  const headers = { authorization: `Bearer ${token}` };
  const { items } = await fetch(`${url}/v1/practice/links`, { headers }).then((answer) => answer.json());
  const agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
  for (let n = 0; n < 12; n += 1) {
    const page = await fetch(`${url}/${items[0].code}${n % 3 === 0 ? "?s=brochure" : ""}`, { headers: { "user-agent": agent } }).then((answer) => answer.text());
    const [, seen] = /src="([^"]*seen\.gif[^"]*)"/.exec(page) ?? [];
    if (seen) await fetch(new URL(seen.replaceAll("&amp;", "&").replaceAll("&#38;", "&"), url), { headers: { "user-agent": agent } });
  }
}

async function main(binary, executablePath, folder) {
  if (folder) fs.mkdirSync(folder, { recursive: true });
  const settings = { PRACTICE_LINKS_WEBHOOKS__ALLOW_PRIVATE: "true" };
  await withService(binary, executablePath, settings, async (browser, url, admin) => {
    const token = made(admin);
    await visit(url, token);
    let pages = 0;
    for (const viewport of SCREENS) {
      for (const colorScheme of SCHEMES) {
        for (const language of LANGUAGES) {
          const context = await browser.newContext({ viewport, colorScheme, locale: language, reducedMotion: "reduce" });
          const walk = new Walk(await context.newPage(), url, `${viewport.width}-${colorScheme}-${language}`, folder, language);
          await walkAll(walk, token);
          pages += walk.pages;
          await context.close();
        }
      }
    }
    console.log(`${pages} pages of the console keep their promises`);
  });
}

const [, , binary, executable, pictures] = process.argv;
main(path.resolve(binary), path.resolve(executable), pictures && path.resolve(pictures)).catch((error) => {
  console.error(error);
  process.exit(1);
});
