/** Which of the licences that a crate offers it is used under, and the text of that one. */

/**
 * Those that may be inside, the shortest conditions first, each with words that only its text has. A
 * licence that is not here has to be read by a person before the crate is used.
 */
const licences = new Map([
  ["MIT", /Permission is hereby granted, free of charge[^]*shall be included/],
  ["ISC", /Permission to use, copy, modify, and\/or distribute[^]*appear in all copies/],
  ["BSD-2-Clause", /Redistribution and use in source and binary forms/],
  ["BSD-3-Clause", /Redistribution and use[^]*Neither the name/],
  ["Zlib", /provided 'as-is', without any express or implied/],
  ["CC0-1.0", /CC0 1\.0 Universal/],
  ["Apache-2.0", /Apache License/],
]);

/** Of crates that name MIT in their manifest and carry no text. */
const MIT_TEXT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/**
 * @param {string} expression `MIT OR Apache-2.0`, by SPDX; a slash is an old way to write OR
 * @returns {string}
 */
export function chooseLicence(expression) {
  const offered = expression.split(/ OR |\//).map((name) => name.trim());
  const chosen = [...licences.keys()].find((name) => offered.includes(name));
  if (chosen === undefined) {
    throw new Error(`no licence of "${expression}" is known in scripts/lib/licences/choice.mjs`);
  }
  return chosen;
}

/**
 * @param {string} licence
 * @param {string[]} files what the crate has of licences
 * @param {string[]} authors by its manifest
 */
export function licenceText(licence, files, authors) {
  // Where its lines end differs.
  const text = files.find((file) => licences.get(licence).test(file.replaceAll(/\s+/g, " ")));
  if (text !== undefined) return text.replaceAll("\r", "").trim();
  if (licence !== "MIT" || authors.length === 0)
    throw new Error(`it carries no text of ${licence}`);
  return `MIT License\n\nCopyright (c) ${authors.join(", ")}\n\n${MIT_TEXT}`;
}
