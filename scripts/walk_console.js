// Walks the console in Chromium as a receptionist would: accepts an invitation by its link, manages its own
// account, makes a link with the form, corrects a form with an error, retires a link, prints, opens the
// visitor numbers, invites a colleague, makes a team, changes the practice, reads the audit log, makes a
// webhook. Every page must pass the checks of walk.js. Runs on a phone and on a desktop, light and dark,
// English and Spanish; screenshots are written to FOLDER if it is given.
//
// Usage: node walk_console.js PATH/TO/practice-links PATH/TO/chromium [FOLDER] (`require` must find
// playwright-core)
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { withService } = require("./browser.js");
const { Walk, totp } = require("./walk.js");

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };
/** Each screen, color scheme and language once; all eight combinations when screenshots are wanted. */
const TWO = [[PHONE, "light", "fr-CA"], [DESKTOP, "dark", "en"]];
const ALL = [PHONE, DESKTOP].flatMap((screen) => ["light", "dark"].flatMap((scheme) => ["en", "es", "fr-CA"].map((language) => [screen, scheme, language])));

/** A PNG of one pixel. */
const DOT = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mOoko8BAAIMAPbPzKJJAAAAAElFTkSuQmCC", "base64");

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
  // By keyboard: the first stop is the link that skips the navigation.
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

/** A new staff member: the link of the invitation, a password, an authenticator, then the account page. */
async function walkAccount(walk, [welcome, email]) {
  const { page } = walk;
  await page.goto(welcome);
  await walk.look("welcome");
  await page.fill("#password", "correct horse battery");
  await walk.press("form button", "welcome-done");
  await page.fill("#email", email);
  await page.fill("#password", "correct horse battery");
  await walk.press("form[action='/console/sign-in'] button", "enrol");
  const seed = (await page.textContent(".key code")).replace(/\s/g, "");
  await page.fill("#code", totp(seed));
  await walk.press("form button", "enrolled");
  await walk.go("/console/settings/account", "account");
  const form = (end) => `form[action='/console/settings/account${end}'] button`;
  await page.fill("#current_password", "not it");
  await page.fill("#new_password", "seven quiet herons");
  await walk.press(form("/password"), "account-password-wrong");
  await page.fill("#code", "000000");
  await walk.press(form("/recovery-codes"), "account-code-wrong");
  await page.fill("#code", totp(seed, 1));
  await walk.press(form("/recovery-codes"), "recovery-codes");
  await page.goto(`${walk.url}/console/settings/account`);
  await page.fill("#current_password", "correct horse battery");
  await page.fill("#new_password", "seven quiet herons");
  await walk.press(form("/password"), "account-password-done");
  await Promise.all([page.waitForNavigation(), page.click(form("/sign-out-everywhere"))]);
  assert.deepStrictEqual(await page.context().cookies(), []);
}

async function walkPeople(walk) {
  const { page } = walk;
  await walk.go("/console/settings/staff", "staff");
  await walk.go("/console/settings/staff/new", "staff-new");
  await page.fill("#email", "not an address");
  await walk.press(".form button", "staff-new-wrong");
  await page.fill("#name", "Carmen Delgado-Villanueva");
  await page.fill("#email", `carmen.delgado-villanueva.${walk.name}@front-desk.elm.example`);
  await walk.press(".form button", "staff-invited");
  const carmen = await page.locator(".rows a", { hasText: `carmen.delgado-villanueva.${walk.name}@` }).getAttribute("href");
  await walk.go(carmen, "staff-member");
  await walk.go(`${carmen}/disable`, "staff-disable");
  await walk.press("main form button", "staff-disabled");
  await walk.go("/console/settings/teams", "teams");
  await walk.go("/console/settings/teams/new", "team-new");
  await walk.press(".form button", "team-new-wrong");
  await page.fill("#name", `Front desk ${walk.name}`);
  await page.check("input[name=members]");
  await walk.press(".form button", "team-made");
}

async function walkPractice(walk) {
  const { page } = walk;
  await walk.go("/console/settings/practice", "practice");
  await page.setInputFiles("#logo", { name: "logo.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
  await walk.press("form[action$='/logo'] button", "practice-logo-wrong");
  await page.setInputFiles("#logo", { name: "logo.png", mimeType: "image/png", buffer: DOT });
  await walk.press("form[action$='/logo'] button", "practice-logo");
  await page.fill("#accent", "#ffff00");
  await walk.press("form[action$='/practice'] button", "practice-wrong");
  await page.fill("#accent", "#7a1f5c");
  await walk.press("form[action$='/practice'] button", "practice-saved");
  await walk.press("form[action$='/remove'] button", "practice-no-logo");
  await walk.go("/console/settings/audit", "audit");
  await walk.go("/console/settings/audit?about=webhook&from=2020-01-01&to=2020-01-02", "audit-none");
}

async function walkSettings(walk) {
  const { page } = walk;
  await walk.go("/console/settings", "settings");
  await walkPeople(walk);
  await walkPractice(walk);
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

/** Invitations to one contact are rate limited, so every walk invites another person. */
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

/** No file, a file with unknown column headings, and a valid one. */
async function walkRecords(walk) {
  const { page } = walk;
  await walk.go("/console/records", "records");
  await walk.go("/console/records/import", "import-form");
  const send = async (name, text, title) => {
    if (name) await page.setInputFiles("#file", { name, mimeType: "text/csv", buffer: Buffer.from(text) });
    await walk.press(".form button", title);
  };
  await send("", "", "import-no-file");
  await send("patients.csv", "Chart,Vorname,Nachname\n1,Alex,Rivera\n", "import-columns");
  assert.ok(await page.isVisible("#column_given_name-error"), "the missing columns are not asked for");
  await page.fill("#column_given_name", "Vorname");
  await page.fill("#column_family_name", "Nachname");
  await send("patients.csv", "Chart,Vorname,Nachname,Mobile,E-mail,Status\n1,Alex,Rivera,(415) 555-2671,alex@example.com,active\n2,Zoë,Núñez de la Fuente y Montenegro,,zoe.nunez.de.la.fuente@a-rather-long-domain.example,\n3,,Nobody,,,\n4,Sam,Stone,,,inactive\n", "import-begun");
  while (await page.isVisible("form[action$='/cancel']")) await page.waitForNavigation();
  await walk.look("import-over");
  await walkWholeList(walk, send);
  await walk.go("/console/records/import", "imports");
  await walk.go("/console/records", "records-listed");
  await page.fill("#q", "rivera");
  await walk.press(".search button", "records-found");
  await page.fill("#q", "nobody like that");
  await walk.press(".search button", "records-none");
  await page.goto(`${walk.url}/console/records?q=nunez`);
  await walk.press(".rows a", "record");
}

/** A full list without most patients: they become inactive only after a confirmation. */
async function walkWholeList(walk, send) {
  const { page } = walk;
  const rows = Array.from({ length: 30 }, (_, n) => `W-${n},Robin,Park ${n}\n`);
  const replace = async (title, text) => {
    await page.goto(`${walk.url}/console/records/import`);
    await page.check("input[value=replace]");
    if (await page.isVisible("input[name=may_retire_most]")) await page.check("input[name=may_retire_most]");
    await send("whole.csv", text, title);
    while (await page.isVisible("form[action$='/cancel']")) await page.waitForNavigation();
  };
  await replace("whole-begun", `MRN,First,Last\n${rows.join("")}`);
  await replace("part-begun", `MRN,First,Last\n${rows[0]}`);
  await walk.look("part-held");
  assert.ok(await page.isVisible("main .warning"), "no warning about the missing patients");
  await walk.go("/console/records/import", "part-asked");
  await replace("part-meant", `MRN,First,Last\n${rows[0]}`);
  assert.ok(!(await page.isVisible("main .warning")), "the warning is still shown after the confirmation");
}

async function walkAll(walk, token, newMember) {
  await walkAccount(walk, newMember);
  await walkSignIn(walk, token);
  await walk.go("/console/inbox", "inbox");
  await walk.go("/console/identity", "identity-none");
  await walk.go("/console/desk-code", "desk-code");
  assert.match(await walk.page.textContent(".digits"), /^\d{4} \d{4}$/);
  await walkLinks(walk);
  await walkInvites(walk);
  await walkRecords(walk);
  await walkSettings(walk);
  await walk.go("/console/nowhere", "nowhere", 404);
  const cookies = await walk.page.context().cookies();
  assert.ok(cookies.some((cookie) => cookie.httpOnly && cookie.sameSite === "Lax"), "no HttpOnly cookie with SameSite=Lax");
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
  const newMember = (name) => {
    const email = `${name}@elm.example`;
    const [, welcome] = /^welcome\s+(\S+)$/m.exec(member(email, "Dolores Quintana", "member"));
    return [welcome, email];
  };
  return [token, newMember];
}

/** Adds a few visits to the first link, so that its chart shows data. */
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
    const [token, newMember] = made(admin);
    await visit(url, token);
    let pages = 0;
    for (const [viewport, colorScheme, language] of folder ? ALL : TWO) {
      const context = await browser.newContext({ viewport, colorScheme, locale: language, reducedMotion: "reduce" });
      const walk = new Walk(await context.newPage(), url, `${viewport.width}-${colorScheme}-${language}`, folder, language);
      await walkAll(walk, token, newMember(`dolores-${walk.name}`));
      pages += walk.pages;
      await context.close();
    }
    console.log(`${pages} pages of the console passed all checks`);
  });
}

const [, , binary, executable, pictures] = process.argv;
main(path.resolve(binary), path.resolve(executable), pictures && path.resolve(pictures)).catch((error) => {
  console.error(error);
  process.exit(1);
});
