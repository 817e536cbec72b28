// The part of values.schema.json that describes `config` follows the daemon's own keys.
//   config_schema.mjs ELDRD SCHEMA          fails if a key is missing there, or is one too many
//   config_schema.mjs ELDRD SCHEMA --write  writes it anew
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { parse } from "yaml";

const [eldrd, file, option] = process.argv.slice(2);

// Keys that the chart writes itself, from other values.
const OWN = new Set([
  "grpc.listen", "grpc.insecure", "http.listen", "http.insecure", "http.tls", "http.token_file",
  "tls", "auth", "state_dir",
]);
// What no default shows: which ones a model has.
const MODEL = {
  name: { type: "string", minLength: 1 },
  layers: { type: "integer", minimum: 1, maximum: 1024 },
  experts: { type: "integer", minimum: 2, maximum: 4096 },
  top_k: { type: "integer", minimum: 1 },
  moe_hidden_layers: { type: "array", items: { type: "integer", minimum: 0 } },
};
const DURATION = "^(0|([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))+)$";
const SIZE = "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB)$";

const object = (properties, rest = {}) => (
  { type: "object", additionalProperties: false, properties, ...rest });

function schemaOf(value, path, key) {
  if (Array.isArray(value)) return { type: "array" };
  if (typeof value === "object" && value !== null) {
    return object(Object.fromEntries(Object.entries(value)
      .filter(([name]) => !OWN.has(path + name))
      .map(([name, child]) => [name, schemaOf(child, `${path}${name}.`, name)])));
  }
  if (typeof value === "boolean") return { type: "boolean" };
  if (typeof value === "string" && new RegExp(SIZE).test(value)) {
    return { type: "string", pattern: SIZE };
  }
  if (typeof value === "string" && new RegExp(DURATION).test(value) || key.startsWith("per_")
      && typeof value === "number" && path.includes("step_time")) {
    return { type: ["string", "integer"], pattern: DURATION };
  }
  if (typeof value === "number") return { type: "number" };
  return { type: "string" };
}

const printed = parse(execFileSync(eldrd, ["--print-config"], { encoding: "utf8" }));
const config = schemaOf(printed, "", "");
const policy = config.properties.default_policy.properties;
config.properties.models = {
  type: "array",
  items: object({ ...MODEL, ...policy }, { required: ["name", "layers", "experts", "top_k"] }),
};

const schema = JSON.parse(readFileSync(file, "utf8"));
if (option === "--write") {
  schema.$defs.config = config;
  writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
} else if (JSON.stringify(schema.$defs.config) !== JSON.stringify(config)) {
  console.error(`${file}: $defs.config is not what eldrd --print-config shows; write it anew with\n` +
    "  tests/helm/chart_test.sh write_schema build/helm-tools build/release/server/eldrd");
  process.exit(1);
}
