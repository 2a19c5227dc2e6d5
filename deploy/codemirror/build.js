// Bundles `entry.js` into static/vendor/codemirror and writes down what is inside, with its licences.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const TARGET = "../../static/vendor/codemirror";

const { metafile } = await build({
  entryPoints: ["entry.js"],
  bundle: true,
  format: "esm",
  legalComments: "none",
  metafile: true,
  minify: true,
  outfile: `${TARGET}/codemirror-promql.min.js`,
  target: "es2022",
});

const folders = Object.keys(metafile.inputs)
  .map((path) => path.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0])
  .filter(Boolean);
const notices = [...new Set(folders)].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`));
  const file = ["LICENSE", "LICENSE.md"].find((file) => {
    try {
      return readFileSync(`${folder}/${file}`);
    } catch {
      return false;
    }
  });
  return `${name} ${version} (${license})\n\n${file ? readFileSync(`${folder}/${file}`, "utf8").trim() : license}\n`;
});
writeFileSync(`${TARGET}/LICENSES`, notices.join(`\n${"-".repeat(80)}\n\n`));
