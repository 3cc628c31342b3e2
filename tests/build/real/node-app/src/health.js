"use strict";
require("http")
  .get({ port: process.env.PORT }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1))
  .on("error", () => process.exit(1));
