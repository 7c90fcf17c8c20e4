// Walks the inbox in Chromium as a receptionist and a patient do, in two tabs. A new staff member accepts
// an invitation, sets a password and an authenticator, makes a link and opens the empty inbox; in the other
// tab a patient signs up through that link, and must appear in the inbox without a reload. Then both write
// to each other, the patient's identity is confirmed, and signing out in one tab signs the other tab out.
// Every page must pass the checks of walk.js; screenshots are written to FOLDER if it is given.
//
// Usage: node walk_inbox.js PATH/TO/practice-links PATH/TO/chromium [FOLDER] (`require` must find
// playwright-core)
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { withService } = require("./browser.js");
const { Walk, totp } = require("./walk.js");

const PASSWORD = "seven quiet herons wade";
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
/** Events must show on the page within two seconds (in milliseconds). */
const LIVE = 2000;
/** The event stream checks its session every 15 seconds, so a sign-out takes a while (in milliseconds). */
const SIGNED_OUT = 25000;

async function until(what, look, patience = 20000) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

async function messages(url, to) {
  const answer = await fetch(`${url}/dev/messages?to=${encodeURIComponent(to)}`);
  return (await answer.json()).items;
}

/** The first admin invites a colleague through the API. */
async function invite(url, token, colleague) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(`${url}/v1/practice/staff`, { method: "POST", headers, body: JSON.stringify(colleague) });
  assert.strictEqual(answer.status, 201);
}

/** From the invitation mail to the signed-in console. */
async function enrol(walk, email) {
  const { page, url } = walk;
  const mail = await until("the invitation", async () => (await messages(url, email)).find((item) => item.body.includes("/console/welcome#")));
  const [welcome] = /\S+\/console\/welcome#[^\s"<]+/.exec(mail.body);
  await page.goto(welcome);
  await walk.look("welcome");
  await page.fill("#password", PASSWORD);
  await walk.press("form[action='/console/welcome'] button", "sign-in");
  await page.fill("#email", email);
  await page.fill("#password", PASSWORD);
  await walk.press("form[action='/console/sign-in'] button", "enrol");
  await page.fill("#code", totp(await page.innerText(".key code")));
  await walk.press("form[action='/console/sign-in/code'] button", "recovery-codes");
  await Promise.all([page.waitForNavigation(), page.click("a.button")]);
}

/** Makes a tagged link with the form; returns its code. */
async function makeLink(walk) {
  const { page } = walk;
  await page.goto(`${walk.url}/console/links/new`);
  await page.fill("#label", "Reception card");
  await page.fill("#tags", "front desk, card");
  await page.fill("#welcome", "Welcome to Elm Street Dental.\nHow can we help?");
  await page.check("input[name=notify]");
  await walk.press(".form button", "link-created");
  const address = await page.getAttribute(".address.big a", "href");
  return new URL(address).pathname.slice(1);
}

/** The patient's tab: the landing page, then the development page. Returns the sign-up and its time. */
async function signUp(page, url, code, given, family, number) {
  await page.goto(`${url}/${code}`);
  await page.goto(`${url}/dev`);
  await page.fill("#link-code", code);
  await page.press("#link-code", "Enter");
  await page.fill("#given", given);
  await page.fill("#family", family);
  await page.fill("#mobile", number);
  await page.click("#person-button");
  await page.waitForSelector("#one-time-code", { state: "visible" });
  const text = await until("the code", async () => (await messages(url, number)).find((item) => item.code));
  await page.fill("#one-time-code", text.code);
  const answer = page.waitForResponse((response) => response.url() === `${url}/v1/accounts` && response.status() === 201);
  await page.click("#check-button");
  const made = await (await answer).json();
  return { at: Date.now(), conversation: made.conversation.id, token: made.session.access_token };
}

async function say(url, patient, body) {
  const headers = { authorization: `Bearer ${patient.token}`, "content-type": "application/json" };
  const answer = await fetch(`${url}/v1/me/conversations/${patient.conversation}/entries`, { method: "POST", headers, body: JSON.stringify({ body }) });
  assert.strictEqual(answer.status, 201);
  return Date.now();
}

/** Waits until `selector` appears in time without a reload of the page; returns the milliseconds. */
async function appears(walk, selector, since, title) {
  await walk.page.waitForSelector(selector, { timeout: 10000 });
  const took = Date.now() - since;
  assert.ok(took <= LIVE, `${title}: after ${took} ms`);
  assert.ok(await walk.page.evaluate(() => window.untouched === true), `${title}: the page was reloaded`);
  await walk.look(title);
  return took;
}

const untouched = (walk) => walk.page.evaluate(() => { window.untouched = true; });

/** Writes to an unverified patient, which needs one confirmation; the reply arrives while staff type. */
async function talk(walk, patient, phone) {
  const { page, url } = walk;
  await page.bringToFront();
  await page.click(`a[href='/console/inbox/${patient.conversation}']`);
  await page.waitForSelector("#body");
  await walk.look("conversation");
  await page.fill("#body", "Good morning. Would Tuesday at ten suit you?");
  await walk.press(".reply button", "conversation-unverified");
  // The page refreshes its state meanwhile, and must keep the form with its error.
  await page.waitForTimeout(LIVE / 2);
  assert.ok(await page.isVisible("#acknowledge-error"), "the error is gone");
  assert.strictEqual(await page.inputValue("#body"), "Good morning. Would Tuesday at ten suit you?");
  await page.check("#acknowledge");
  await walk.press(".reply button", "conversation-answered");
  assert.strictEqual(await page.locator("#acknowledge").count(), 0, "the confirmation is asked for again");
  await phone.click("#reload");
  await phone.waitForSelector("#thread >> text=Would Tuesday at ten suit you?");
  await untouched(walk);
  await page.focus("#body");
  await page.keyboard.type("Half a sen");
  const since = await say(url, patient, "Tuesday is fine, thank you. <b>Could</b> you call me the day before?");
  const took = await appears(walk, "li.patient >> text=Tuesday is fine", since, "conversation-live");
  await page.keyboard.type("tence");
  assert.strictEqual(await page.inputValue("#body"), "Half a sentence", "typing was disturbed");
  return took;
}

async function decide(walk) {
  const { page } = walk;
  await page.fill("#body", "");
  await page.selectOption("#method", "call_back");
  await page.fill("#note", "Called the number in the chart.");
  await walk.press("#identity .form button:not(.danger)", "conversation-confirmed");
  assert.ok(await page.isVisible(".badge.confirmed"));
}

/** The same pages on a phone and in Spanish, with the same session. */
async function lookAround(browser, url, folder, cookies, patients) {
  for (const [viewport, language, colorScheme] of [[PHONE, "en", "light"], [PHONE, "es", "light"], [DESKTOP, "es", "dark"]]) {
    const context = await browser.newContext({ viewport, locale: language, colorScheme, reducedMotion: "reduce" });
    await context.addCookies(cookies);
    const walk = new Walk(await context.newPage(), url, `${viewport.width}-${colorScheme}-${language}`, folder, language);
    await walk.go("/console/inbox", "inbox");
    await walk.go("/console/inbox?tag=nothing&unread=true", "inbox-filtered");
    await walk.go("/console/identity", "identity");
    for (const [name, patient] of Object.entries(patients)) {
      await walk.go(`/console/inbox/${patient.conversation}`, `conversation-${name}`);
    }
    await context.close();
  }
}

/** Signing out in one tab also signs the other tab out. */
async function leave(walk, other) {
  await walk.go("/console/inbox", "inbox-both");
  await other.goto(`${walk.url}/console/settings`);
  await Promise.all([other.waitForNavigation(), other.click("main form[action='/console/sign-out'] button")]);
  await walk.page.waitForURL((address) => address.pathname === "/console/sign-in", { timeout: SIGNED_OUT });
}

async function main(binary, executablePath, folder) {
  if (folder) fs.mkdirSync(folder, { recursive: true });
  await withService(binary, executablePath, {}, async (browser, url, admin) => {
    const practice = admin("practice", "create", "--name", "Elm Street Dental", "--city", "Springfield", "--plan", "communicator", "--email", "desk@elm.example").split(/\s/)[0];
    const [, token] = /^token\s+(\S+)$/m.exec(admin("staff", "create", "--practice", practice, "--email", "olga@elm.example", "--name", "Olga Brandt", "--role", "admin"));
    await invite(url, token, { email: "ana@elm.example", name: "Ana Ruiz", role: "admin" });
    const context = await browser.newContext({ viewport: DESKTOP, colorScheme: "light", locale: "en", reducedMotion: "reduce" });
    const walk = new Walk(await context.newPage(), url, "1280-light-en", folder, "en");
    await enrol(walk, "ana@elm.example");
    const code = await makeLink(walk);
    await walk.go("/console/inbox", "inbox-empty");
    await untouched(walk);
    const phone = await context.newPage();
    const maria = await signUp(phone, url, code, "Maria", "Lindqvist-Hernández", "+14155552671");
    const times = [await appears(walk, ".talks >> text=Maria", maria.at, "inbox-first")];
    assert.ok(await walk.page.isVisible(".talks .unread >> text=Reception card"));
    const notice = await until("the notice", async () => (await messages(url, "ana@elm.example")).find((item) => item.body.includes("Reception card")));
    assert.ok(!notice.body.includes("Maria") && !notice.body.includes("5552671"), "the notice contains patient data");
    times.push(await talk(walk, maria, phone));
    await decide(walk);
    await walk.go("/console/inbox", "inbox");
    await untouched(walk);
    const omar = await signUp(phone, url, code, "Omar", "Said", "+14155552672");
    times.push(await appears(walk, ".talks >> text=Omar", omar.at, "inbox-second"));
    await walk.go("/console/identity", "identity");
    await lookAround(browser, url, folder, await context.cookies(), { confirmed: maria, unverified: omar });
    await walk.go(`/console/inbox/${omar.conversation}`, "conversation-other");
    await walk.page.click(".reject summary");
    await walk.page.check("input[name=block_number]");
    await walk.press(".reject button", "conversation-rejected");
    await leave(walk, phone);
    console.log(`${walk.pages} pages of the inbox passed all checks; events shown after ${times.join(", ")} ms`);
  });
}

const [, , binary, executable, pictures] = process.argv;
main(path.resolve(binary), path.resolve(executable), pictures && path.resolve(pictures)).catch((error) => {
  console.error(error);
  process.exit(1);
});
