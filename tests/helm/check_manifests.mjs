// Checks rendered manifests against Kubernetes' own types: wrong types, missing fields and unknown ones
// are errors. Custom resources of the Prometheus operator too.
//   check_manifests.mjs FILE...
// The types alone: the whole package wants a newer Node.js.
import * as client from "./node_modules/@kubernetes/client-node/dist/gen/models/all.js";
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";

const OPERATOR = "monitoring.coreos.com/v1";
let failed = 0;

function fail(where, message) {
  console.error(`${where}: ${message}`);
  failed += 1;
}

// The class that describes an object, e.g. V1StatefulSet of apps/v1.
function typeOf(apiVersion, kind) {
  const version = apiVersion.split("/").at(-1);
  return client[version[0].toUpperCase() + version.slice(1) + kind];
}

// Every field must be one of its type's, down to the leaves.
function walk(value, type, path) {
  let of = /^Array<(.*)>$/.exec(type);
  if (of) {
    if (!Array.isArray(value)) return fail(path, `expected a list, got ${JSON.stringify(value)}`);
    return value.forEach((item, i) => walk(item, of[1], `${path}[${i}]`));
  }
  of = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (of) {
    if (value === null) return fail(path, "expected names and values, got nothing");
    return Object.entries(value).forEach(([key, item]) => walk(item, of[1], `${path}.${key}`));
  }
  const model = client[type];
  if (model?.getAttributeTypeMap === undefined) {
    if (["string", "number", "boolean"].includes(type) && typeof value !== type) {
      fail(path, `expected a ${type}, got ${JSON.stringify(value)}`);
    }
    return;
  }
  if (typeof value !== "object" || value === null) {
    return fail(path, `expected fields of ${type}, got ${JSON.stringify(value)}`);
  }
  const fields = new Map(model.getAttributeTypeMap().map((field) => [field.baseName, field.type]));
  for (const [key, item] of Object.entries(value)) {
    if (!fields.has(key)) fail(`${path}.${key}`, `unknown field of ${type}`);
    else walk(item, fields.get(key), `${path}.${key}`);
  }
}

// Types, required fields and enumerations, by the published JSON schemas.
async function validate(document, path) {
  const { apiVersion, kind } = document;
  const library = apiVersion === OPERATOR ? "@kubernetes-models/prometheus-operator" : "kubernetes-models";
  const models = await import(`${library}/${apiVersion}/${kind}`);
  try {
    new models[kind](document).validate();
  } catch (error) {
    fail(path, error.message);
  }
}

let documents = 0;
for (const file of process.argv.slice(2)) {
  for (const parsed of parseAllDocuments(readFileSync(file, "utf8"), { uniqueKeys: true })) {
    parsed.errors.forEach((error) => fail(file, error.message));
    const document = parsed.toJS();
    if (document === null) continue;
    documents += 1;
    const path = `${file}: ${document.kind} ${document.metadata?.name}`;
    if (document.apiVersion !== OPERATOR) {
      const type = typeOf(document.apiVersion, document.kind);
      if (type === undefined) fail(path, `unknown kind of ${document.apiVersion}`);
      else walk(document, type.name, path);
    }
    await validate(document, path);
  }
}
console.log(`${documents} objects in ${process.argv.length - 2} files, ${failed} faults`);
if (failed > 0 || documents === 0) process.exit(1);
