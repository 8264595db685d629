// Copies the few files the pages load from node_modules to web/static/vendor.
// Source map comments are dropped: the maps are not shipped, and a page should not ask for what is not there.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const vendor = join(root, "web", "static", "vendor");

const files = [
  ["bootstrap/dist/css/bootstrap.min.css", "bootstrap.min.css"],
  ["bootstrap/LICENSE", "bootstrap.LICENSE.txt"],
  ["htmx.org/dist/htmx.min.js", "htmx.min.js"],
  ["htmx.org/LICENSE", "htmx.LICENSE.txt"],
];

await mkdir(vendor, { recursive: true });
for (const [source, target] of files) {
  const text = await readFile(join(root, "node_modules", source), "utf8");
  await writeFile(join(vendor, target), text.replace(/\n?\/[/*]# sourceMappingURL=[^\n]*/g, ""));
}
console.log(`${files.length} files in web/static/vendor`);
