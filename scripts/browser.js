// What the walks beside this file have in common: the service on loopback with a folder that is gone at the end,
// and a browser that asks nobody for anything by itself.
"use strict";

const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { chromium } = require("playwright-core");

/** A container has no sandbox for it, and what it would fetch by itself is nobody's page. */
const QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function started(url) {
  for (let n = 0; n < 100; n += 1) {
    const isReady = await fetch(`${url}/readyz`).then((answer) => answer.ok, () => false);
    if (isReady) return;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new Error("the service did not start");
}

/** Runs `walk(browser, url, admin)`; `admin(...words)` is what `practice-links admin` says. */
async function withService(binary, executablePath, settings, walk) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "walk-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...process.env,
    PRACTICE_LINKS_LISTEN: `127.0.0.1:${port}`,
    PRACTICE_LINKS_DATA_DIR: path.join(folder, "data"),
    PRACTICE_LINKS_PUBLIC_URL: url,
    ...settings,
  };
  const server = spawn(binary, [], { env, cwd: folder, stdio: "ignore" });
  const ended = new Promise((resolve) => { server.once("exit", resolve); });
  const admin = (...words) => execFileSync(binary, ["admin", ...words], { env, cwd: folder, encoding: "utf8" });
  let browser;
  try {
    browser = await chromium.launch({ executablePath, args: QUIET });
    await started(url);
    await walk(browser, url, admin);
  } finally {
    await browser?.close();
    server.kill("SIGTERM");
    await ended;
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

module.exports = { withService };
