// Reads a JSON list of objects from standard input, and has the TypeScript compiler look for fields that do not exist.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { models } from "./models.mjs";

const lines = JSON.parse(readFileSync(0, "utf-8")).map((object, index) => {
  const from = models[`${object.apiVersion}/${object.kind}`];
  return `const o${index}: import("${from}").I${object.kind} = ${JSON.stringify(object)};`;
});
const file = `objects-${process.pid}.ts`;
writeFileSync(file, lines.join("\n") + "\n");
const flags = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext"];
const done = spawnSync("node_modules/.bin/tsc", [...flags, file], { encoding: "utf-8" });
process.stdout.write(done.stdout + done.stderr);
rmSync(file);
