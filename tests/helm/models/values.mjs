// Reads a JSON list of objects from standard input and prints, one a line, what their models say against values.
import { readFileSync } from "node:fs";
import { models } from "./models.mjs";

for (const [index, object] of JSON.parse(readFileSync(0, "utf-8")).entries()) {
  const { [object.kind]: Model } = await import(models[`${object.apiVersion}/${object.kind}`]);
  try {
    new Model(object).validate();
  } catch (error) {
    console.log(`${index} ${object.kind}: ${error.message.replaceAll("\n", " ")}`);
  }
}
