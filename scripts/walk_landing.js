// Opens every variant of the landing page in Chromium, with and without scripts, on a small phone and on a
// desktop, and checks each: no request to another host, no violation of the page's content security policy,
// at most 50 KiB, no horizontal scrolling, and every control large enough for a thumb.
//
// Usage: node walk_landing.js PATH/TO/practice-links PATH/TO/chromium (`require` must find playwright-core)
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { withService } = require("./browser.js");

const HEAVIEST = 50 * 1024;
const SMALLEST_CONTROL = 44;
const SCREENS = [{ width: 320, height: 640 }, { width: 1280, height: 800 }];
const CODE = "123456";
const DEVICES = JSON.parse(fs.readFileSync(path.join(__dirname, "../tests/data/user_agents.json"), "utf8"));

/** One device for each lead action of the page. */
function agents() {
  const byLead = new Map();
  for (const device of DEVICES) if (!byLead.has(device.lead)) byLead.set(device.lead, device.user_agent);
  return byLead;
}

/** Measures the page: its lead action, its horizontal overflow, and controls that are too small. */
function looked(smallest) {
  const controls = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select")];
  const seen = controls.map((control) => [control, control.getBoundingClientRect()]).filter(([, box]) => box.width > 0);
  const small = seen.filter(([, box]) => box.width < smallest - 0.01 || box.height < smallest - 0.01);
  const root = document.documentElement;
  return {
    lead: document.body.dataset.lead,
    overflow: root.scrollWidth - root.clientWidth,
    controls: seen.length,
    small: small.map(([control, box]) => `${control.outerHTML.slice(0, 80)} (${box.width} × ${box.height})`),
  };
}

async function check(page, url, name, go, status) {
  const asked = [];
  const complaints = [];
  const onRequest = (request) => asked.push(request.url());
  const onConsole = (message) => { if (message.type() === "error") complaints.push(message.text()); };
  page.on("request", onRequest).on("console", onConsole);
  const answer = await go();
  await page.waitForLoadState("load");
  page.off("request", onRequest).off("console", onConsole);
  assert.strictEqual(answer.status(), status, name);
  const strangers = asked.filter((address) => !address.startsWith(`${url}/`) && !address.startsWith("data:"));
  assert.deepStrictEqual(strangers, [], `${name}: requests to other hosts`);
  // The browser logs every unsuccessful response; those are expected here.
  const refused = complaints.filter((text) => !text.startsWith("Failed to load resource: the server responded"));
  assert.deepStrictEqual(refused, [], `${name}: console errors`);
  const weight = (await answer.body()).length;
  assert.ok(weight <= HEAVIEST, `${name}: ${weight} bytes`);
  const seen = await page.evaluate(looked, SMALLEST_CONTROL);
  assert.ok(seen.overflow <= 0, `${name}: scrolls horizontally by ${seen.overflow} px`);
  assert.deepStrictEqual(seen.small, [], `${name}: controls that are too small`);
  return { ...seen, weight, asked };
}

/** Sends the form with an invalid number, then with a valid one. */
async function walkForm(page, url, name, number) {
  const send = async (phone, answers) => {
    await page.fill("#phone", phone);
    const [answer] = await Promise.all([page.waitForResponse(answers), page.click(".text-me button")]);
    await page.waitForLoadState("load");
    return answer;
  };
  const isForm = (answer) => answer.request().method() === "POST" && answer.url().includes(`/${CODE}/text`);
  await check(page, url, `${name}, wrong number`, () => send("4155", isForm), 422);
  await check(page, url, `${name}, texted`, () => send(number, (answer) => answer.url().endsWith("/texted")), 200);
  await check(page, url, `${name}, texted, loaded again`, () => page.reload(), 200);
}

async function walkAll(browser, url, language, hasScripts) {
  let pages = 0;
  for (const [lead, userAgent] of agents()) {
    for (const viewport of SCREENS) {
      const name = `${lead} ${language} ${viewport.width} px, scripts ${hasScripts ? "on" : "off"}`;
      const context = await browser.newContext({ userAgent, viewport, locale: language, javaScriptEnabled: hasScripts });
      const page = await context.newPage();
      const seen = await check(page, url, name, () => page.goto(`${url}/${CODE}?s=walk`), 200);
      assert.strictEqual(seen.lead, lead, name);
      assert.ok(seen.controls >= 2, `${name}: ${seen.controls} controls`);
      console.log(`${name}: ${seen.weight} bytes, ${seen.controls} controls`);
      if (lead === "other" || lead === "ios") {
        const number = `+1415555${2000 + walkAll.texted}`;
        walkAll.texted += 1;
        await walkForm(page, url, name, number);
      }
      await check(page, url, `${name}, nowhere`, () => page.goto(`${url}/12345`), 404);
      pages += 1;
      await context.close();
    }
  }
  return pages;
}
walkAll.texted = 0;

async function walkRest(browser, url, token, language) {
  const viewport = SCREENS[0];
  const context = await browser.newContext({ userAgent: agents().get("ios"), viewport, locale: language });
  const page = await context.newPage();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const { items } = await fetch(`${url}/v1/practice/links`, { headers }).then((answer) => answer.json());
  const change = (state) => fetch(`${url}/v1/practice/links/${items[0].id}`, { method: "PATCH", headers, body: JSON.stringify({ state }) });
  assert.ok((await change("paused")).ok);
  await check(page, url, `paused ${language}`, () => page.goto(`${url}/${items[0].code}`), 200);
  assert.ok((await change("active")).ok);
  for (let n = 0; n < 21; n += 1) await fetch(`${url}/900000`);
  await check(page, url, `challenge ${language}`, () => page.goto(`${url}/900000`), 429);
  await check(page, url, `challenge ${language}, too early`, async () => {
    const [answer] = await Promise.all([page.waitForResponse((answer) => answer.url().endsWith("/challenge")), page.click("button")]);
    return answer;
  }, 429);
  await context.close();
}

function staffToken(admin) {
  const practice = admin("practice", "create", "--name", "Elm Dental", "--city", "Springfield", "--plan", "communicator").split(/\s/)[0];
  const made = admin("staff", "create", "--practice", practice, "--email", "a@b.example", "--name", "Ana", "--role", "admin");
  return /^token\s+(\S+)$/m.exec(made)[1];
}

async function main(binary, executablePath) {
  const settings = {
    PRACTICE_LINKS_APP__OPEN_URL: "https://open.example.org",
    // One address makes as many requests as a whole waiting room, so the limits are raised.
    PRACTICE_LINKS_LIMITS__IP_10MIN: "1000",
    PRACTICE_LINKS_LIMITS__PRACTICE_10MIN: "1000",
  };
  await withService(binary, executablePath, settings, async (browser, url, admin) => {
    let pages = 0;
    for (const language of ["en", "es", "fr-CA"]) {
      for (const hasScripts of [true, false]) pages += await walkAll(browser, url, language, hasScripts);
    }
    const token = staffToken(admin);
    for (const language of ["en", "es", "fr-CA"]) await walkRest(browser, url, token, language);
    console.log(`${pages} pages passed all checks`);
  });
}

main(path.resolve(process.argv[2]), path.resolve(process.argv[3])).catch((error) => {
  console.error(error);
  process.exit(1);
});
