"use strict";
const assert = require("assert");
const { greet } = require("../src/greet");

assert.strictEqual(greet(), "hello, world");
assert.strictEqual(greet("Ada"), "hello, Ada");
console.log("2 tests pass");
