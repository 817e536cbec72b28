// Prints one field of the first object of a kind, text as it is and the rest as YAML.
//   pick_field.mjs FILE KIND PATH    PATH: names joined by dots; \. is a dot in a name
import { readFileSync } from "node:fs";
import { parseAllDocuments, stringify } from "yaml";

const [file, kind, path] = process.argv.slice(2);
const found = parseAllDocuments(readFileSync(file, "utf8"))
  .map((document) => document.toJS())
  .find((document) => document?.kind === kind);
const value = path.split(/(?<!\\)\./)
  .reduce((part, name) => part?.[name.replaceAll("\\.", ".")], found);
if (value === undefined) {
  console.error(`${file}: no ${path} in a ${kind}`);
  process.exit(1);
}
process.stdout.write(typeof value === "string" ? value : stringify(value));
