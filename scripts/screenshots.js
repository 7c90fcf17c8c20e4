// Makes the pictures of README.md and docs/practice.md anew: starts the service with an empty database, fills
// the demo practice with invented patients through the public API, and photographs the pages that the text
// describes. The names are fictional, the numbers are of the 555 range.
//
// Usage: node screenshots.js PATH/TO/practice-links PATH/TO/chromium FOLDER (`require` must find
// playwright-core)
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { HOST, withService } = require("./browser.js");

const DEMO = "123456";
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
/** A README that is slow to load is not read. */
const LARGEST = 150 * 1024;
const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";

/** One patient of each kind that the identity check knows. */
const PATIENTS = [
  { given_name: "Alex", family_name: "Rivera", birth_date: "1987-05-31", email: "alex.rivera@home.example", number: "+14155553001", link: "Waiting room poster", says: "Hello, I would like to book a cleaning." },
  { given_name: "Mia", family_name: "Park", birth_date: "1992-11-02", number: "+14155553002", link: "Business card" },
  { given_name: "Samuel", family_name: "Stone", birth_date: "1961-12-24", number: "+14155553003", link: "Waiting room poster", says: "Is there parking behind the building?" },
  { given_name: "Zoë", family_name: "Núñez", number: "+14155553004", link: "Website", says: "¿Atienden en español?" },
  { given_name: "Omar", family_name: "Said", birth_date: "1978-03-14", number: "+14155553005", link: "Website" },
];

const RECORDS = `MRN,First,Last,DOB,Mobile,E-mail
1001,Alex,Rivera,1987-05-31,(415) 555-3001,alex.rivera@home.example
1002,Mia,Park,1992-11-02,(415) 555-3002,
1003,Samuel,Stone,1961-12-24,(415) 555-9003,sam.stone@home.example
1004,Zoe,Nunez,,(415) 555-3004,zoe@home.example
1005,Zoe,Nunez,2015-04-01,(415) 555-3004,zoe@home.example
`;

/** The public API, and the practice's side of it with a token. */
class Api {
  constructor(url, token) {
    Object.assign(this, { url, token });
  }

  async call(method, address, body, bearer = this.token, type = "application/json") {
    const headers = { "content-type": type, ...(bearer && { authorization: `Bearer ${bearer}` }) };
    const answer = await fetch(`${this.url}${address}`, { method, headers, body: typeof body === "string" ? body : JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${address}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  }

  async until(what, look) {
    for (let n = 0; n < 100; n += 1) {
      const found = await look();
      if (found) return found;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
    throw new Error(`waited in vain for ${what}`);
  }

  /** Signs a patient up as the app does; the code is read from the messages that development catches. */
  async signUp({ number, says, link, ...person }, code) {
    const { link_token } = await this.call("POST", "/v1/link-tokens", { code, source: "scanned" }, null);
    const begun = await this.call("POST", "/v1/verifications", { phone: number, link_token }, null);
    const caught = () => this.call("GET", `/dev/messages?to=${encodeURIComponent(number)}`);
    const { code: digits } = await this.until(`the code for ${link}`, async () => (await caught()).items.find((item) => item.code));
    const { phone_proof } = await this.call("POST", `/v1/verifications/${begun.verification.id}/checks`, { code: digits }, begun.client_secret);
    const made = await this.call("POST", "/v1/accounts", { phone_proof, link_token, ...person }, null);
    const entries = `/v1/me/conversations/${made.conversation.id}/entries`;
    if (says) await this.call("POST", entries, { body: says }, made.session.access_token);
    return made.conversation.id;
  }
}

async function fill(api) {
  const links = {};
  for (const [label, tags] of [["Waiting room poster", ["poster"]], ["Business card", ["card"]], ["Website", ["web"]]]) {
    links[label] = (await api.call("POST", "/v1/practice/links", { label, tags, welcome: "Welcome to Oak Street Family Medicine. How can we help?" })).link;
  }
  const { import: begun } = await api.call("POST", "/v1/practice/records/import", RECORDS, api.token, "text/csv");
  await api.until("the import", async () => (await api.call("GET", `/v1/practice/records/imports/${begun.id}`)).import.state === "done");
  const conversations = [];
  for (const patient of PATIENTS) conversations.push(await api.signUp(patient, links[patient.link].code));
  await api.until("the grades", async () => (await api.call("GET", "/v1/practice/identity")).items.every((item) => item.grade));
  await api.call("POST", `/v1/practice/conversations/${conversations[2]}/identity/decisions`, { decision: "confirm", method: "in_person" });
  await api.call("POST", `/v1/practice/conversations/${conversations[2]}/entries`, { body: "Yes, enter from Elm Street. See you on Tuesday at ten." });
  await api.call("POST", `/v1/practice/conversations/${conversations[2]}/read`, { position: 5 });
  return { poster: links["Waiting room poster"], first: conversations[0] };
}

async function signIn(page, url, token) {
  await page.goto(`${url}/console/sign-in`);
  await page.fill("#token", token);
  await Promise.all([page.waitForNavigation(), page.click("form[action='/console/sign-in/token'] button")]);
}

async function main(binary, executablePath, folder) {
  fs.mkdirSync(folder, { recursive: true });
  const settings = { PRACTICE_LINKS_LIMITS__SCALE: "10", PRACTICE_LINKS_PUBLIC_URL: `http://${HOST}` };
  await withService(binary, executablePath, settings, async (browser, address, admin) => {
    const practice = admin("practice", "list").split(/\s/)[0];
    const dana = admin("staff", "create", "--practice", practice, "--email", "dana@oakstreet.example", "--name", "Dana Whitfield", "--role", "admin");
    const [, token] = /^token\s+(\S+)$/m.exec(dana);
    const made = await fill(new Api(address, token));
    const url = `http://${HOST}`;
    const shoot = async (page, name, clip) => {
      const file = path.join(folder, `${name}.png`);
      await page.screenshot({ path: file, clip, animations: "disabled" });
      const { size } = fs.statSync(file);
      assert.ok(size <= LARGEST, `${name} has ${size} bytes`);
      console.log(`${file}: ${size} bytes`);
    };
    const look = { colorScheme: "light", locale: "en-US", timezoneId: "America/Chicago", reducedMotion: "reduce" };
    const phone = await browser.newContext({ ...look, viewport: PHONE, userAgent: IPHONE, isMobile: true, hasTouch: true });
    const landing = await phone.newPage();
    await landing.goto(`${url}/${DEMO}`);
    await shoot(landing, "landing");
    const desk = await browser.newContext({ ...look, viewport: DESKTOP });
    const page = await desk.newPage();
    await signIn(page, url, token);
    for (const [name, place] of [
      ["inbox", "/console/inbox"],
      ["links", "/console/links"],
      ["link", `/console/links/${made.poster.id}`],
      ["identity-list", "/console/identity"],
      ["check-in-code", "/console/desk-code"],
      ["records", "/console/records"],
    ]) {
      const answer = await page.goto(`${url}${place}`);
      assert.strictEqual(answer.status(), 200, place);
      await shoot(page, name);
    }
    await page.goto(`${url}/console/inbox/${made.first}`);
    await shoot(page, "conversation", { x: 248, y: 0, width: 1032, height: 800 });
    await page.setViewportSize({ width: DESKTOP.width, height: 1400 });
    await shoot(page, "identity", await page.locator("#identity").boundingBox());
    await page.setViewportSize(DESKTOP);
    await page.goto(`${url}/console/invites/new`);
    await page.fill("#name", "Robin Hale");
    await page.fill("#phone", "(415) 555-3010");
    await page.fill("#email", "robin.hale@home.example");
    await page.evaluate(() => document.activeElement.blur());
    await shoot(page, "invite");
  });
}

const [, , binary, executable, folder] = process.argv;
main(path.resolve(binary), path.resolve(executable), path.resolve(folder)).catch((error) => {
  console.error(error);
  process.exit(1);
});
