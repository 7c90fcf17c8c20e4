// Shared by the browser walks in this folder: the service on loopback with a temporary folder, and a
// browser without background requests of its own.
"use strict";

const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { chromium } = require("playwright-core");

/** A container has no sandbox for Chromium, and its own background requests would disturb the checks. */
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

/** The host of `public_url` in pictures: the browser finds the service under it, whatever its port. */
const HOST = "links.example.org";

/** Runs `walk(browser, url, admin)`; `admin(...words)` returns the output of `practice-links admin`. */
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
    browser = await chromium.launch({ executablePath, args: [...QUIET, `--host-resolver-rules=MAP ${HOST} 127.0.0.1:${port}`] });
    await started(url);
    await walk(browser, url, admin);
  } finally {
    await browser?.close();
    server.kill("SIGTERM");
    await ended;
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

module.exports = { HOST, withService };
