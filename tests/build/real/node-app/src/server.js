"use strict";
const http = require("http");
const { greet } = require("./greet");

const server = http.createServer((request, response) => {
  const name = new URL(request.url, "http://x").searchParams.get("name");
  response.end(greet(name) + "\n");
});
server.listen(process.env.PORT, () => {
  if (process.argv[2] !== "--once") return;
  http.get({ port: process.env.PORT, path: "/?name=Ada" }, (answer) => {
    answer.pipe(process.stdout);
    answer.on("end", () => server.close());
  });
});
process.on("SIGTERM", () => server.close());
