// A mail server on loopback that requires STARTTLS and AUTH, and writes each mail to a file.
// Usage: mail_sink.js PORT, in a folder with cert.pem, key.pem and mails/; NODE_PATH must contain
// smtp-server.
const { readFileSync, writeFileSync } = require("node:fs");
const { SMTPServer } = require("smtp-server");

let count = 0;
const server = new SMTPServer({
  key: readFileSync("key.pem"),
  cert: readFileSync("cert.pem"),
  onAuth(auth, session, done) {
    const isOurs = session.secure && auth.username === "links" && auth.password === "swordfish";
    return isOurs ? done(null, { user: auth.username }) : done(new Error("535 not you"));
  },
  onData(stream, session, done) {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => {
      count += 1;
      writeFileSync(`mails/${String(count).padStart(4, "0")}.eml`, Buffer.concat(chunks));
      done(null, "kept");
    });
  },
});
server.listen(Number(process.argv[2]), "127.0.0.1");
process.on("SIGTERM", () => server.close(() => process.exit(0)));
